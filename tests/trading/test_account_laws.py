"""The laws of one account's money, over any sequence of executions on either side, on margin or not."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from tests.desk import lending
from tests.drawing import START_NS
from tests.laws import law
from tests.markets import LEVERAGES, MIDS, PAIRS, snapshot_of
from trading.accounting.account import Account
from trading.accounting.ledger import EntryKind, InsufficientFunds, LedgerEntry, Party
from trading.accounting.settlement import Execution, Settlement
from trading.accounting.state import AccountState
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.fees import PUBLISHED, Liquidity
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Purpose
from trading.signals import OrderType

CLOSE = D("1e-15")  # dollars: rates of cross pairs are rounded at 28 digits

deals = st.tuples(
    st.integers(0, 2),  # the pair
    st.sampled_from(Side),
    st.integers(1, 160),  # some dollars
    st.sampled_from(LEVERAGES),
    st.integers(-25, 30),  # percent that all prices have moved since the last
    st.integers(0, 9),  # hours since the last
    st.sampled_from(Liquidity),
)
histories = st.lists(deals, min_size=1, max_size=20)


class Play:
    """An account that lives through a history; ``step`` says what one deal did."""

    def __init__(self, funding: str = "USD", *, pairs: int = 3) -> None:
        self.account = Account(AccountState(currency="USD"), PUBLISHED.plan("kraken-spot"), lending("1.5", 2))
        self.mids, self.time_ns, self.pairs = dict(MIDS), START_NS, pairs
        self.entries: list[LedgerEntry] = self.account.fund("play", D(100), funding, self.snapshot) or []
        self.number = 0

    @property
    def snapshot(self) -> MarketSnapshot:
        return snapshot_of(self.mids, time_ns=self.time_ns, spread=7)

    @property
    def equity(self) -> D:
        found = self.account.buying_power.mid_equity(self.snapshot)
        assert found is not None
        return found

    def move(self, percent: int, hours: int) -> list[LedgerEntry]:
        self.mids = {symbol: max(50, mid * (100 + percent) // 100) for symbol, mid in self.mids.items()}
        self.time_ns += hours * 3_600 * 10**9
        charged = self.account.charge_rollovers(self.snapshot)
        self.entries += charged
        return charged

    def deal(self, pair: int, side: Side, dollars: int, leverage: D | None, liquidity: Liquidity) -> list[LedgerEntry]:
        """Execute at the touch; nothing happens when the account cannot."""
        instrument = PAIRS[pair % self.pairs]
        price = {"BTC/USD": 62_000, "XRP/USD": 1.1, "XRP/BTC": 1.1}[instrument.symbol]
        lots = int(dollars / price * 10**8)
        self.number += 1
        order = Order(
            order_id=f"o{self.number}", symbol=instrument.symbol, side=side, type=OrderType.MARKET,
            purpose=Purpose.ENTRY, lots=lots, created_sequence=0, created_ns=0, arrives_ns=0, leverage=leverage,
        )  # fmt: skip
        away = 7 if (side is Side.BUY) == (liquidity is Liquidity.TAKER) else -7
        try:
            execution = Execution(f"f{self.number}", self.mids[instrument.symbol] + away, lots, liquidity, evidence={})
            _, entries, _ = Settlement(self.account).book(order, execution, self.snapshot)
        except InsufficientFunds:
            return []
        self.entries += entries
        return entries

    def live(self, history: list[tuple[int, Side, int, D | None, int, int, Liquidity]]) -> None:
        for pair, side, dollars, leverage, percent, hours, liquidity in history:
            self.move(percent, hours)
            self.deal(pair, side, dollars, leverage, liquidity)


@law
@given(histories, st.sampled_from(["USD", "BTC"]))
def test_every_fact_sums_to_zero_and_the_facts_to_balances_and_loans(history: list, funding: str) -> None:
    play = Play(funding)

    play.live(history)

    facts, held, lent, ids = defaultdict(D), defaultdict(D), defaultdict(D), set()
    for entry in play.entries:
        facts[entry.entry_id.rsplit(":", 1)[0], entry.currency] += entry.amount
        held[entry.currency] += entry.amount if entry.party is Party.ACCOUNT else 0
        lent[entry.currency] -= entry.amount if entry.party is Party.LENDER else 0
        ids.add(entry.entry_id)
    state = play.account.state
    assert set(facts.values()) == {D(0)}
    assert {c: a for c, a in held.items() if a} == {c: a for c, a in state.balances.items() if a}
    assert {c: a for c, a in lent.items() if a} == state.loans
    assert all(amount >= 0 for amount in state.balances.values())
    assert len(ids) == len(play.entries)


@law
@given(histories, st.sampled_from(["USD", "BTC"]))
def test_a_deal_moves_equity_by_its_fees_and_its_distance_from_mid_alone(history: list, funding: str) -> None:
    play = Play(funding)
    for pair, side, dollars, leverage, percent, hours, liquidity in history:
        play.move(percent, hours)
        before = play.equity

        entries = play.deal(pair, side, dollars, leverage, liquidity)

        snapshot, expected = play.snapshot, before
        for entry in entries:
            if entry.party in (Party.EXCHANGE, Party.FEES):
                expected -= entry.amount * (mid_rate(snapshot, entry.currency, "USD") or 0)
        assert abs(play.equity - expected) < CLOSE
        assert all(entry.amount > 0 for entry in entries if entry.party is Party.FEES)
        if entries and liquidity is Liquidity.TAKER and pair < 2:  # a cross pair may be dearer than its own way round
            assert play.equity < before


@law
@given(histories)
def test_at_constant_prices_equity_falls_by_exactly_the_fees_and_half_spreads(history: list) -> None:
    play = Play(pairs=2)
    half_spreads = D(0)

    for pair, side, dollars, leverage, _, hours, _ in history:
        play.move(0, hours)
        for entry in play.deal(pair, side, dollars, leverage, Liquidity.TAKER):
            if entry.kind is EntryKind.TRADE and entry.party is Party.ACCOUNT and entry.currency != "USD":
                tick = PAIRS[pair % 2].price(7)
                half_spreads += abs(entry.amount) * tick

    fees = sum((e.amount for e in play.entries if e.party is Party.FEES), D(0))
    assert play.equity == 100 - fees - half_spreads
    assert play.account.state.fees == fees


@law
@given(histories)
def test_what_was_paid_in_and_all_results_are_the_equity(history: list) -> None:
    play = Play(pairs=2)

    play.live(history)

    account, snapshot = play.account, play.snapshot
    figures = [account.figures_of(symbol, snapshot) for symbol in account.state.tallies]
    made = sum((f.tally.realised + f.unrealised for f in figures), D(0))
    assert play.equity == 100 + made
    assert account.state.realised == sum((f.tally.result for f in figures), D(0))


@law
@given(histories, st.sampled_from(["USD", "BTC"]))
def test_no_number_of_deals_exceeds_the_leverage_of_one(history: list, funding: str) -> None:
    play = Play(funding)
    for pair, side, dollars, leverage, percent, hours, liquidity in history:
        play.move(percent, hours)
        before = play.account.position(PAIRS[pair % 3].symbol).lots

        entries = play.deal(pair, side, dollars, leverage, liquidity)

        after = play.account.position(PAIRS[pair % 3].symbol).lots
        has_opened = entries and (abs(after) > abs(before) or after * before < 0)
        if has_opened and play.account.state.loans:
            assert within_limits(play)


def within_limits(play: Play) -> bool:
    """Each dollar of equity carries at most 1.5 long or 2 short, in all."""
    carried = D(0)
    for symbol, position in play.account.state.positions.items():
        figures = play.account.figures_of(symbol, play.snapshot)
        carried += abs(figures.exposure) / (D("1.5") if position.lots > 0 else D(2))
    return carried <= play.equity + CLOSE


@law
@given(histories)
def test_average_cost_and_first_in_first_out_agree_in_all(history: list) -> None:
    play = Play()

    play.live(history)

    for symbol, tally in play.account.state.tallies.items():
        position = play.account.position(symbol)
        direction = 1 if position.lots > 0 else -1
        layers = position.layers
        open_average = direction * position.cost + position.entry_fees
        open_first_in = sum((direction * layer.cost + layer.fees for layer in layers), D(0))
        assert tally.realised - open_average == tally.first_in_realised - open_first_in
        assert sum(layer.lots for layer in layers) == abs(position.lots)
        if position.lots == 0:
            assert tally.realised == tally.first_in_realised
            assert (position.cost, position.entry_fees) == (0, 0)


@law
@given(histories, st.sampled_from(["USD", "BTC"]))
def test_a_short_owes_what_it_sold_and_a_loan_its_position_no_more(history: list, funding: str) -> None:
    play = Play(funding)

    play.live(history)

    for position in play.account.state.positions.values():
        assert position.borrowed_lots <= abs(position.lots)
        if position.lots < 0:
            assert position.borrowed == PAIRS[0].qty(-position.lots)
    assert all(play.account.buying_power.debt(currency) >= 0 for currency in ("USD", "BTC", "XRP"))


@law
@given(histories, st.sampled_from(["USD", "BTC"]))
def test_what_was_bought_on_margin_is_there_to_be_sold(history: list, funding: str) -> None:
    play = Play(funding)

    play.live(history)

    for currency in ("BTC", "XRP"):
        assert play.account.balance(currency) >= play.account.buying_power.bought_on_margin(currency, play.snapshot)
