"""The engine: one deployment, one frame, always in the same order.

Match, settle, mark, ask, send. Pure: what comes out depends on the frames and on
nothing else, so a replay, another worker or the same worker after a crash gives the
same facts with the same ids.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec

from trading.accounting.account import Account
from trading.accounting.ledger import ZERO
from trading.accounting.margin import MarginTerms
from trading.accounting.state import AccountState
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.candles import CandleSeries
from trading.engine.entry_stop import entry_refusal as stop_refusal
from trading.engine.entry_stop import is_entry_amended, keep_to_the_exit
from trading.engine.flattening import Flattening, carry_on
from trading.engine.liquidation import watch_margin
from trading.engine.order_entry import Refused, amendments, cancels, order_from, refused_order, value_of
from trading.engine.outcome import Outcome, StrategyError
from trading.engine.readiness import needs_of
from trading.engine.risk import RiskLimits, RiskSituation, entry_refusal, rate_refusal
from trading.engine.strategy_errors import described
from trading.engine.strategy_state import pack_state, unpack_state
from trading.exchange import ExchangeState, Matched, PaperExchange, SharedBook
from trading.exchange.models import Latency, fill_model
from trading.fees import PUBLISHED, FeePlan
from trading.fills import Fill
from trading.frames import NS_PER_S, Frame
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Refusal
from trading.performance.figures import Figures
from trading.portfolio import Portfolio
from trading.signals import Amend, Cancel, NoSignal, Signal
from trading.snapshot import seen_by
from trading.strategy import Strategy, Told, Wanted, wanted_and_reasons

__all__ = ["Engine", "EngineState", "Outcome", "StrategyError", "Terms"]

MARK_EVERY_FRAMES = 10
MAX_ERRORS_IN_A_ROW = 5
REFUSAL_ROW_NS = 60 * NS_PER_S  # the same refusal is a row once a minute and counted always
MINUTE_NS = 60 * NS_PER_S


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a deployment takes part."""

    slug: str
    symbols: tuple[str, ...]
    stake: Decimal = Decimal(100)  # account currency
    currency: str = "USD"
    funding_currency: str = "USD"
    assets: dict[str, Decimal] = {}  # paid in beside the stake: currency -> amount, valued at mid when funded
    latency_ms: int = 200
    latency_sigma: float = 0.0  # of its logarithm, drawn for each order; zero: constant
    latency: Latency | None = None  # all of it; goes before the two above
    fill_model: str = "realistic"
    fee_schedule: str = "kraken-spot-2026-07"  # one of those that are published
    fee_plan: FeePlan | None = None  # another one; goes before the name above
    risk: RiskLimits = RiskLimits()
    margin: MarginTerms = MarginTerms()
    first_sequence: int = 0  # frames up to this one are none of its business


class EngineState(msgspec.Struct, kw_only=True):
    """All that must survive: a checkpoint is this, encoded."""

    sequence: int = 0  # the cursor: the last frame wholly accounted for
    time_ns: int = 0
    account: AccountState
    exchange: ExchangeState
    figures: Figures
    memory: bytes = b""  # the strategy's state, packed
    memory_of: str = ""  # hash of the version whose memory it is
    has_started: bool = False
    asked_ns: int = 0  # when the strategy was asked last
    orders_sent_ns: list[int] = []  # in the last minute, ascending
    refusal_rows_ns: dict[str, int] = {}
    why: dict[str, int] = {}  # reason code -> times it did not trade
    errors_in_a_row: int = 0
    is_halted: bool = False  # by errors; a person may resume it
    series_versions: dict[str, int] = {}
    are_entries_stopped: bool = False  # by a person: asked as ever, but nothing may be opened or enlarged
    flattening: Flattening | None = None  # by a person: meanwhile it is not asked


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EngineState)


class Engine:
    """One deployment at work."""

    def __init__(
        self,
        strategy: Strategy,
        config: Any,
        terms: Terms,
        state: EngineState | None = None,
        shared: SharedBook | None = None,  # None: the account has the market to itself
    ) -> None:
        self.strategy = strategy
        self.config = config
        self.terms = terms
        self.state = state or EngineState(
            sequence=terms.first_sequence,
            account=AccountState(currency=terms.currency),
            exchange=ExchangeState(),
            figures=Figures(),
        )
        plan = terms.fee_plan or PUBLISHED.plan(terms.fee_schedule)
        self.account = Account(self.state.account, plan, terms.margin)
        self.model = fill_model(terms.fill_model)
        self._latency = terms.latency or Latency(terms.latency_ms, terms.latency_sigma)
        self.exchange = PaperExchange(terms.slug, self.account, self.state.exchange, self.model, shared)
        self._is_asked_always = strategy.trigger == "frame"
        self._needs = needs_of(terms.symbols, terms.currency, tuple(sorted(strategy.warmup.items())))
        self._seen_series: Mapping[tuple[str, str], CandleSeries] | None = None  # when the trigger was looked at last
        self.is_paused = False  # by a person: no new signals, resting orders live on
        self.is_asking = False  # the strategy's own code runs: here alone may it be interrupted
        self.is_supervised = False  # Ctrl-C raises nothing here: a KeyboardInterrupt is the strategy's own
        if self.state.memory_of not in ("", strategy.hash):  # what another version remembered means nothing to this one
            self.state.memory, self.state.has_started, self.state.errors_in_a_row = b"", False, 0
        self.state.memory_of = strategy.hash
        self._memory: dict[str, Any] = unpack_state(self.state.memory) if self.state.memory else {}

    @classmethod
    def resume(
        cls, strategy: Strategy, config: Any, terms: Terms, checkpoint: bytes, shared: SharedBook | None = None
    ) -> Engine:
        """Return the engine as it was when ``checkpoint`` was taken; another version of its strategy begins anew.

        Raises:
            msgspec.DecodeError: not a checkpoint of this version.
        """
        return cls(strategy, config, terms, _decoder.decode(checkpoint), shared)

    def checkpoint(self, *, with_memory: bool = True) -> bytes:
        """Return all that must survive; equal engines give equal bytes.

        Without memory the strategy's state stays as it was when it was last written down.

        Raises:
            UnsavableState: the strategy keeps something that cannot be written down, or too much.
        """
        if with_memory:
            self.state.memory = pack_state(self._memory)
        return _encoder.encode(self.state)

    @property
    def indicators(self) -> Any:
        """What the strategy shows of its last evaluation, as it keeps it."""
        return self._memory.get("indicators")

    def lift_halt(self) -> None:
        """Ask the strategy again after errors had halted it."""
        self.state.is_halted, self.state.errors_in_a_row = False, 0

    def process(self, frame: Frame, snapshot: MarketSnapshot) -> Outcome:
        """Take in one frame; a frame at or before the cursor changes nothing."""
        state, account, sequence = self.state, self.state.account, frame.sequence
        outcome = Outcome(sequence, frame.time_ns)
        if sequence <= state.sequence:
            return outcome
        if self.account.is_funded:
            if frame.gap is not None:
                outcome.gap = frame.gap
            if state.exchange.orders or account.loans:
                self._suffer(frame, snapshot, outcome)
        elif not self._is_funded_now(snapshot, outcome):
            state.sequence, state.time_ns = sequence, frame.time_ns
            return outcome
        if sequence % MARK_EVERY_FRAMES == 0 or outcome.fills or outcome.margin:
            self._mark(snapshot, outcome)
        if state.flattening is not None:
            carry_on(self, snapshot, outcome)
        elif not (self.is_paused or state.is_halted) and (self._is_asked_always or self._is_triggered(frame, snapshot)):
            hindrance, symbols = self._needs.at(snapshot)
            if account.bankrupt_ns:
                self._count("bankrupt")
            elif hindrance:
                self._count(hindrance)
            else:
                self._ask(snapshot, symbols, outcome)
        state.sequence, state.time_ns = sequence, frame.time_ns
        return outcome

    # 1, 2: what the market did to us

    def _suffer(self, frame: Frame, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        """Take what the market does to orders and debts."""
        charged = self.account.charge_rollovers(snapshot) if self.state.account.loans else []
        matched = self.exchange.match(frame, snapshot)
        outcome.fills, outcome.trips, outcome.orders = matched.fills, matched.trips, matched.orders
        if matched.fills:
            self._hand_over(matched.fills, outcome)
        if self.state.account.loans:
            self._watch_margin(matched, snapshot, outcome)
        outcome.entries = charged + matched.entries

    def _is_funded_now(self, snapshot: MarketSnapshot, outcome: Outcome) -> bool:
        terms = self.terms
        outcome.entries = (
            self.account.fund(terms.slug, terms.stake, terms.funding_currency, snapshot, terms.assets) or ()
        )
        return self.account.is_funded

    def _hand_over(self, fills: list[Fill], outcome: Outcome) -> None:
        self.state.figures.fills += len(fills)
        self.state.figures.last_fill_ns = fills[-1].time_ns
        if self.strategy.on_fill is not None:
            for fill in fills:
                self.is_asking = True
                self._guarded(partial(self.strategy.on_fill, fill, self._memory), outcome)
                self.is_asking = False

    # 3: what we owe, and what we are worth

    def _watch_margin(self, matched: Matched, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        fills = len(matched.fills)
        outcome.margin = watch_margin(self.terms.slug, self.account, self.exchange, matched, snapshot)
        if len(matched.fills) > fills:
            self._hand_over(matched.fills[fills:], outcome)

    def _mark(self, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        worth = self.account.worth(snapshot)
        if worth is not None:
            outcome.mark = worth
            self.account.look(snapshot)
            self.state.figures.mark(self.account, worth, snapshot)

    # 4: what the strategy wants

    def _is_triggered(self, frame: Frame, snapshot: MarketSnapshot) -> bool:
        trigger, symbols = self.strategy.trigger, self.terms.symbols
        if trigger == "trade":
            return any(trade.symbol in symbols for trade in frame.trades)
        if snapshot.series is self._seen_series:
            return False
        self._seen_series = snapshot.series
        timeframe = trigger.removeprefix("candle:")
        versions = {s: snapshot.series[s, timeframe].version for s in symbols if (s, timeframe) in snapshot.series}
        has_closed = any(version > self.state.series_versions.get(s, 0) for s, version in versions.items())
        self.state.series_versions = versions
        return has_closed

    def _ask(self, snapshot: MarketSnapshot, symbols: tuple[str, ...], outcome: Outcome) -> None:
        """Ask the strategy, and do what it says; a reason not to trade is counted."""
        state = self.state
        state.asked_ns = snapshot.time_ns
        self.is_asking = True
        try:
            if not state.has_started:
                self._start()
            answer = self.strategy.generate_signal(seen_by(self, symbols, snapshot), self.config, self._memory)
            if type(answer) is NoSignal:  # nearly always
                told: Told = ((), (answer,))
            else:
                told = wanted_and_reasons(answer)
        except BaseException as error:
            # Also what asks a process to end: a strategy may end nothing but its own turn.
            self._fail(error, outcome)
            return
        self.is_asking = False
        if state.errors_in_a_row:
            state.errors_in_a_row = 0
        wanted, reasons = told
        for reason in reasons:
            self._count(f"{reason.code} {reason.symbol}" if reason.symbol else str(reason.code or "no_signal"))
        if not (wanted or reasons):
            self._count(str(self._memory.pop("why", None) or "no_signal"))
        for at, signal in enumerate(wanted):
            self._guarded(partial(self._place, signal, at, snapshot, outcome), outcome)

    def _start(self) -> None:
        self.state.has_started = True
        if self.strategy.on_start is not None:
            self.strategy.on_start(self.config, self._memory)

    def portfolio_at(self, snapshot: MarketSnapshot) -> Portfolio:
        """Return what the strategy may read of its account."""
        return Portfolio(self.account, tuple(self.exchange.state.orders.values()), snapshot)

    def latency_of(self, order_id: str) -> int:
        """Return the nanoseconds that an order, or a wish about one, takes to reach the exchange."""
        return self._latency.of(order_id) * self.model.latency_factor

    def seed_at(self, sequence: int) -> int:
        """Return the seed of the strategy's random numbers at a frame."""
        return int.from_bytes(sha256(f"{self.terms.slug}:{sequence}".encode()).digest()[:8], "big")

    def _guarded(self, call: Callable[[], Any], outcome: Outcome) -> Any:
        """Return what ``call`` returns; what it raises is recorded against the strategy and counted."""
        try:
            return call()
        except BaseException as error:
            self._fail(error, outcome)
            return None

    def _fail(self, error: BaseException, outcome: Outcome) -> None:
        self.is_asking = False
        if isinstance(error, KeyboardInterrupt) and not self.is_supervised:
            raise error
        self.state.errors_in_a_row += 1
        self.state.is_halted = self.state.errors_in_a_row >= MAX_ERRORS_IN_A_ROW
        outcome.errors = (*outcome.errors, StrategyError(*described(error), self.state.is_halted))

    def _count(self, code: str) -> None:
        self.state.why[code] = self.state.why.get(code, 0) + 1

    # 5: what becomes of it

    def _place(self, signal: Wanted, at: int, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        order_id = f"{self.terms.slug}:{snapshot.sequence}:o{at}"
        latency_ns = self.latency_of(order_id)
        if not isinstance(signal, Signal):
            self._send_wishes(signal, latency_ns, snapshot)
            return
        try:
            free = self._free(snapshot, signal.symbol)
            order = order_from(signal, self.account, snapshot, order_id=order_id, latency_ns=latency_ns, free=free)
        except Refused as refused:
            self._refuse(signal, order_id, refused.refusal, snapshot, outcome)
            return
        refusal = self._risk_refusal(order, snapshot)
        if self.state.are_entries_stopped:
            refusal = stop_refusal(order, self.account.position(order.symbol)) or refusal
            keep_to_the_exit(order)
        if refusal is not None:
            self._refuse(signal, order_id, refusal, snapshot, outcome)
            return
        self.state.orders_sent_ns.append(snapshot.time_ns)
        self.exchange.send(order)
        outcome.orders = {**outcome.orders, order_id: order}

    def _send_wishes(self, wanted: Cancel | Amend, latency_ns: int, snapshot: MarketSnapshot) -> None:
        """Send what is wanted of live orders; what is wanted of none is counted."""
        arrives_ns = snapshot.time_ns + latency_ns
        if isinstance(wanted, Cancel):
            wishes = cancels(wanted, self.exchange.state.orders.values(), arrives_ns)
        else:
            wishes = amendments(wanted, self.exchange.state.orders, snapshot, arrives_ns)
        if not wishes:
            self._count("no_such_order")
        for wish in wishes:
            order = self.exchange.state.orders[wish.order_id]
            if self.state.are_entries_stopped and is_entry_amended(order, wish, self.account.position(order.symbol)):
                self._count("refused_entries_stopped")
            else:
                self.exchange.wish(wish)

    def _free(self, snapshot: MarketSnapshot, symbol: str) -> dict[str, Decimal]:
        instrument = snapshot.instruments.get(symbol)
        currencies = (instrument.base, instrument.quote) if instrument is not None else ()
        return {c: self.account.balance(c) - self.exchange.reserved(c, snapshot) for c in currencies}

    def _risk_refusal(self, order: Order, snapshot: MarketSnapshot) -> Refusal | None:
        sent_ns = self.state.orders_sent_ns
        del sent_ns[: bisect_right(sent_ns, snapshot.time_ns - MINUTE_NS)]
        position = self.account.position(order.symbol)
        if not self.terms.risk.limits_money or not position.is_opened_by(order):
            return rate_refusal(self.terms.risk, len(sent_ns))
        figures = self.state.figures
        instrument = snapshot.instrument(order.symbol)
        held = instrument.qty(position.lots if order.side is Side.BUY else -position.lots)
        rate = mid_rate(snapshot, instrument.base, self.terms.currency) or ZERO
        situation = RiskSituation(
            order_value=value_of(order, self.account, snapshot),
            position_value=held * rate,
            exposure=figures.exposure,
            day_result=(figures.equity or ZERO) - figures.day_equity if figures.day else ZERO,
            drawdown_pct=figures.drawdown_pct,
            orders_last_minute=len(sent_ns),
        )
        return entry_refusal(self.terms.risk, situation)

    def _refuse(
        self, signal: Signal, order_id: str, refusal: Refusal, snapshot: MarketSnapshot, outcome: Outcome
    ) -> None:
        """Count a refusal; put it on record unless the same one is there from the last minute."""
        self.state.figures.refusals += 1
        self._count(f"refused_{refusal.code}")
        key = f"{signal.symbol}:{signal.action.value}:{refusal.code}"
        if snapshot.time_ns - self.state.refusal_rows_ns.get(key, -REFUSAL_ROW_NS) < REFUSAL_ROW_NS:
            return
        self.state.refusal_rows_ns[key] = snapshot.time_ns
        refused = refused_order(signal, order_id, refusal, snapshot)
        outcome.orders = {**outcome.orders, order_id: refused}
