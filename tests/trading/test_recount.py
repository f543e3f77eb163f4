"""An exchange gives a pair other decimals while orders, positions and candles count in the old ones."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.announcing import SYMBOL, AnnouncingExchange
from tests.drawing import START_NS, Scene, instrument
from tests.making import Bench, make_strategy, make_terms
from trading.accounting.positions import Loan, Position
from trading.book import Side
from trading.candles import counts
from trading.engine import Engine, Outcome
from trading.engine.state import decode_state
from trading.exchange.consumed import SharedBook, Taken
from trading.market import Market
from trading.orders import Order, OrderStatus, Purpose, is_reached
from trading.recount import Recount
from trading.run import folded
from trading.signals import OrderType, Signal


class League:
    """Engines on the exchange's frames; any of them may be killed and go on from its checkpoint."""

    def __init__(self, exchange: AnnouncingExchange, **strategies: Any) -> None:
        self.exchange, self.market = exchange, Market()
        self.outcomes: dict[str, list[Outcome]] = {slug: [] for slug in strategies}
        self.engines = {
            slug: Engine(
                make_strategy(generate_signal, symbols=(SYMBOL,), name=slug),
                {},
                make_terms(slug=slug, symbols=(SYMBOL,), stake=D(100), latency_ms=200),
            )
            for slug, generate_signal in strategies.items()
        }

    def go_on(self) -> None:
        for frame, snapshot in folded(self.exchange.take(), self.market):
            for slug, engine in self.engines.items():
                self.outcomes[slug].append(engine.process(frame, snapshot))

    def kill(self) -> None:
        """Let all go on from their checkpoints, under the market as it will be by then."""
        for slug, engine in self.engines.items():
            self.engines[slug] = Engine.resume(engine.strategy, engine.config, engine.terms, engine.checkpoint())
        self.market = Market.restore(self.market.checkpoint(), ())

    def fills(self, slug: str) -> list[Any]:
        return [fill for outcome in self.outcomes[slug] for fill in outcome.fills]

    def equity(self, slug: str) -> D:
        worth = self.engines[slug].account.worth(self.market.snapshot())
        assert worth is not None
        return worth.equity

    def orders(self, slug: str) -> dict[str, Order]:
        return {key: order for outcome in self.outcomes[slug] for key, order in outcome.orders.items()}


def holder(data: Any, config: Any, state: dict[str, Any]) -> Any:
    """Buys for half of the stake with a stop 3 % below, then offers all of it 3 % above."""
    state["step"] = step = state.get("step", 0) + 1
    if step == 1:
        return Signal.buy(SYMBOL, 50, stop_loss=data.price(SYMBOL) * 0.970008)
    if data.portfolio.position(SYMBOL) and not state.get("is_offered"):
        state["is_offered"] = True
        return Signal.sell(SYMBOL, "all", order_type="limit", limit_price=data.price(SYMBOL) * 1.0300087)
    return None


def hold(data: Any, config: Any, state: dict[str, Any]) -> Any:
    if state.setdefault("done", False):
        return None
    state["done"] = True
    return Signal.buy(SYMBOL, 98)


def roundtrip(data: Any, config: Any, state: dict[str, Any]) -> Any:
    """Buys, and sells all of it after a minute."""
    state["step"] = step = state.get("step", 0) + 1
    if step == 1:
        return Signal.buy(SYMBOL, 50)
    return Signal.sell(SYMBOL, "all") if step == 600 else None


def short(data: Any, config: Any, state: dict[str, Any]) -> Any:
    """Sells short with a trailing stop, and buys a little lower with leverage."""
    state["step"] = step = state.get("step", 0) + 1
    if step == 1:
        return Signal.short(SYMBOL, 40, trail=1_234.56)
    return Signal.buy(SYMBOL, 10, order_type="limit", limit_price=55_000.25) if step == 5 else None


def leveraged(data: Any, config: Any, state: dict[str, Any]) -> Any:
    state["step"] = step = state.get("step", 0) + 1
    return Signal.buy(SYMBOL, 110, leverage=1.5, take_profit=70_000.55, stop_loss=50_000.15) if step == 1 else None


ALL = {"holder": holder, "hold": hold, "short": short, "leveraged": leveraged}


def begun(**strategies: Any) -> League:
    exchange = AnnouncingExchange()
    exchange.wait(10)
    league = League(exchange, **strategies)
    league.go_on()
    return league


@pytest.mark.parametrize(("price", "qty"), [(2, 8), (3, 8), (1, 8), (2, 5), (4, 10), (0, 6)])
def test_other_decimals_on_an_unchanged_market_change_no_equity_and_fill_nothing(price: int, qty: int) -> None:
    league = begun(holder=holder, hold=hold)

    league.exchange.announce(price, qty)
    league.exchange.wait(10)
    league.go_on()

    assert {slug: len(league.fills(slug)) for slug in league.engines} == {"holder": 1, "hold": 1}
    assert {slug: round(league.equity(slug), 2) for slug in league.engines} == {
        "holder": D("99.60"),
        "hold": D("99.21"),
    }
    assert league.market.snapshot().price(SYMBOL) == 60_000


def test_an_order_that_finer_decimals_express_goes_on_at_its_price() -> None:
    league = begun(holder=holder)
    before = [(o.limit_ticks, o.trigger_ticks, o.lots) for o in league.engines["holder"].open_orders.values()]

    league.exchange.announce(3, 9)
    league.exchange.wait(1)
    league.go_on()

    after = [(o.limit_ticks, o.trigger_ticks, o.lots) for o in league.engines["holder"].open_orders.values()]
    assert after == [tuple(n and n * 10 for n in numbers) for numbers in before]


def test_a_limit_between_two_new_ticks_is_cancelled_with_its_reason_and_the_stop_stays() -> None:
    league = begun(holder=holder)

    league.exchange.announce(1, 8)
    league.exchange.wait(1)
    league.go_on()

    (cancelled,) = [order for order in league.orders("holder").values() if order.status is OrderStatus.CANCELLED]
    assert cancelled.refusal is not None
    assert cancelled.refusal.code == "decimals_changed"
    assert cancelled.refusal.sentence == (
        "prices of BTC/USD now have 1 decimal, not 2: a limit price of 61801.04 can no longer be had"
    )
    assert cancelled.decimals == (2, 8)  # in which its row says 61,801.04
    (stop,) = league.engines["holder"].open_orders.values()
    assert (stop.purpose, stop.trigger_ticks) == (
        Purpose.STOP_LOSS,
        582_009,
    )  # 58,200.97: the first print that is not above


def test_a_position_in_coarser_lots_can_be_closed_and_its_rest_stays_in_the_balance() -> None:
    league = begun(roundtrip=roundtrip)
    bought = league.fills("roundtrip")[0].qty
    assert bought == D("0.00083331")

    league.exchange.announce(2, 5)
    league.exchange.wait(60)
    league.go_on()

    account = league.engines["roundtrip"].account
    assert [fill.qty for fill in league.fills("roundtrip")] == [bought, D("0.00083")]
    assert account.position(SYMBOL).lots == 0
    assert account.balance("BTC") == D("0.00000331")
    (trip,) = [trip for outcome in league.outcomes["roundtrip"] for trip in outcome.trips]
    assert trip.entry_price == D("60001.00")
    assert round(league.equity("roundtrip"), 2) == D("99.60")


def test_a_short_in_coarser_lots_is_bought_back_whole() -> None:
    position = Position("BTC/USD")
    position.open(Side.SELL, 83_331, D("50.00"), D("0.2"), 1)
    position.borrow(Loan("a", 83_331, D("0.00083331"), D("50.00"), D(25), D(1), 1))

    position.recount(Recount((2, 8), instrument("BTC/USD", price_decimals=2, qty_decimals=5)))

    assert (position.lots, position.borrowed_lots, position.borrowed) == (-84, 84, D("0.00083331"))
    assert position.repay(84) == D("0.00083331")


decimals = st.tuples(st.integers(0, 5), st.integers(3, 11))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(decimals, st.sampled_from([0, 1, 3, 12]), st.booleans()), min_size=1, max_size=4))
def test_decimals_that_come_and_go_change_no_equity_and_fill_nothing(changes: list[Any]) -> None:
    league = begun(**ALL)
    before = {slug: (league.equity(slug), len(league.fills(slug))) for slug in ALL}

    for (price, qty), tenths, is_killed in changes:
        league.exchange.announce(price, qty)
        league.exchange.wait(tenths / 10)
        league.go_on()
        if is_killed:
            league.kill()
    league.exchange.wait(2)
    league.go_on()

    assert {slug: (league.equity(slug), len(league.fills(slug))) for slug in ALL} == before
    for engine in league.engines.values():
        assert engine.state.decimals == {SYMBOL: league.exchange.decimals}
        assert not engine.is_halted


@given(
    kind=st.sampled_from([OrderType.STOP, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP]),
    side=st.sampled_from(list(Side)),
    trigger=st.integers(1, 10_000),
    printed=st.integers(1, 1_000),
    coarser=st.integers(0, 3),
)
def test_a_trigger_is_set_off_by_the_same_prints_as_before(
    kind: OrderType, side: Side, trigger: int, printed: int, coarser: int
) -> None:
    order = Order(
        order_id="a", symbol="XRP/USD", side=side, type=kind, purpose=Purpose.STOP_LOSS, lots=100,
        created_sequence=1, created_ns=1, arrives_ns=1, trigger_ticks=trigger,
    )  # fmt: skip
    is_set_off = is_reached(kind, side, trigger, printed * 10**coarser)

    assert order.recount(Recount((5, 2), instrument(price_decimals=5 - coarser, qty_decimals=2)))

    assert order.trigger_ticks is not None
    assert is_reached(kind, side, order.trigger_ticks, printed) == is_set_off


@given(
    layers=st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    is_long=st.booleans(),
    decimals=st.integers(0, 12),
    sold=st.integers(0, 10**9),
)
def test_a_recounted_position_is_whole_in_all_its_parts(
    layers: list[int], is_long: bool, decimals: int, sold: int
) -> None:
    position = Position("XRP/USD")
    side = Side.BUY if is_long else Side.SELL
    for at, lots in enumerate(layers):
        position.open(side, lots, D(lots) / 10**4, D("0.01"), at + 1)
        position.borrow(Loan(str(at), lots, D(lots) / 10**8, D(lots) / 10**4, D(1), D(1), at + 1))
    average, owed = position.cost / abs(position.lots), position.borrowed
    closed = min(sold, abs(position.lots) - 1)
    if closed:
        owed -= position.repay(closed)
        position.close(closed, D(closed) / 10**4, D(0))
    qty = D(abs(position.lots)).scaleb(-8)

    position.recount(Recount((2, 8), instrument(price_decimals=2, qty_decimals=decimals)))

    after = D(abs(position.lots)).scaleb(-decimals)
    assert abs(after - qty) < D(1).scaleb(-decimals)
    assert after <= qty if is_long else after >= qty
    assert sum(layer.lots for layer in position.layers) == abs(position.lots) == position.borrowed_lots
    assert sum(layer.cost for layer in position.layers) == position.cost
    assert position.bought_lots - position.sold_lots == position.lots
    assert position.borrowed == owed
    if position.lots:
        assert all(part.lots for part in (*position.layers, *position.loans))
        per_lot = position.cost / abs(position.lots) * D(10) ** (decimals - 8)
        assert abs(per_lot - average) <= average * D("1e-3") + D(1).scaleb(-4) / abs(position.lots) * D(10) ** (
            decimals - 8
        )


def test_a_minute_in_which_the_decimals_changed_is_exact() -> None:
    scene = Scene(instrument(price_decimals=2, qty_decimals=8))
    scene.show("101 x 5\n---\n99 x 5", trades="buy 10001 x 12345678")

    coarser = instrument(price_decimals=1, qty_decimals=5)
    scene.show("11 x 5\n---\n9 x 5", trades="buy 1001 x 10", instruments=(coarser,))
    candle = scene.market.forming("XRP/USD")

    assert candle is not None
    _, open_, high, low, close, volume, trades = counts(candle)
    prices = [coarser.price(price) for price in (open_, high, low, close)]
    assert (prices, coarser.qty(volume), trades) == (
        [D("100.01"), D("100.1"), D("100.01"), D("100.1")],
        D("0.12355678"),
        2,
    )
    snapshot = scene.market.snapshot()
    assert [(p.price, p.qty) for p in snapshot.trades("XRP/USD")] == [(100.01, 0.12345678), (100.1, 0.0001)]
    assert snapshot.price("XRP/USD") == 100.1
    again = Market.restore(scene.market.checkpoint(), ())
    assert again.checkpoint() == scene.market.checkpoint()
    assert again.snapshot().trades("XRP/USD") == snapshot.trades("XRP/USD")


def test_a_tape_that_was_finer_goes_on_with_the_decimals_of_the_day() -> None:
    scene = Scene(instrument(price_decimals=1, qty_decimals=2))
    scene.show("101 x 5\n---\n99 x 5", trades="buy 101 x 50")
    for decimals, drawn in ((3, "buy 10101 x 51"), (1, "buy 102 x 52"), (2, "buy 1021 x 53")):
        _, snapshot = scene.show(trades=drawn, instruments=(instrument(price_decimals=decimals, qty_decimals=2),))

    assert [p.price for p in snapshot.trades("XRP/USD")] == [10.1, 10.101, 10.2, 10.21]
    shown = scene.market.tapes()["XRP/USD"]
    assert [snapshot.instrument("XRP/USD").price(t.ticks) for t in shown] == [
        D(n) for n in ("10.1", "10.101", "10.2", "10.21")
    ]


def test_a_checkpoint_is_read_in_the_decimals_in_which_it_counts() -> None:
    league = begun(hold=hold)
    checkpoint = league.engines["hold"].checkpoint()
    state = decode_state(checkpoint)
    newer = {SYMBOL: instrument(SYMBOL, price_decimals=4, qty_decimals=5)}

    counted = state.instruments(newer)[SYMBOL]

    assert counted.qty(state.account.positions[SYMBOL].lots) == D("0.00163330")


def test_what_was_taken_of_a_shared_book_is_counted_once() -> None:
    book = SharedBook({"XRP/USD": {"buy": {100: Taken(500, 20), 101: Taken(7, 7)}}})
    finer = Recount((0, 2), instrument(price_decimals=1, qty_decimals=3))
    coarser = Recount((1, 3), instrument(price_decimals=0, qty_decimals=1))

    book.recount(finer)
    book.recount(finer)
    assert book.memory["XRP/USD"]["buy"] == {1000: Taken(5000, 200), 1010: Taken(70, 70)}
    book.recount(coarser)

    assert book.memory["XRP/USD"]["buy"] == {100: Taken(50, 2)}  # 0.07 is no multiple of 0.1: that level has changed


def test_a_stop_that_was_filled_in_part_goes_on_under_another_number() -> None:
    bench = Bench(Signal.buy("XRP/USD", 500, stop_loss=95), scene=Scene(instrument(qty_decimals=4)))
    bench.show("100 x 900000\n---\n99 x 900000")
    bench.show()
    bench.show()
    bench.show("90 x 900000\n---\n89 x 12345", trades="sell 89 x 10")
    (stop,) = bench.engine.open_orders.values()
    assert stop.filled_lots == 12_345

    outcome = bench.show(
        "90 x 9000\n---\n89 x 1", instruments=(instrument(qty_decimals=2),), statuses={"XRP/USD": "stale"}
    )

    (live,) = bench.engine.open_orders.values()
    assert [(o.status, o.filled_lots, o.lots) for o in outcome.orders.values()] == [
        (OrderStatus.CANCELLED, 12_345, 50_000),
        (OrderStatus.OPEN, 0, 376),
    ]
    assert live.lots == bench.engine.account.position("XRP/USD").lots == 376
    assert live.created_ns > START_NS


def test_orders_of_a_pair_that_is_delisted_end_with_that_reason() -> None:
    bench = Bench(Signal.buy("XRP/USD", 500, order_type="limit", limit_price=90))
    bench.show("100 x 9000\n---\n99 x 9000")
    bench.show()
    bench.show()
    assert len(bench.engine.open_orders) == 1

    bench.show(instruments=(instrument(status="delisted"),), statuses={"XRP/USD": "delisted"})

    assert not bench.engine.open_orders
    assert [(o.status, o.refusal.code) for o in bench.refused if o.refusal] == [(OrderStatus.CANCELLED, "delisted")]
