"""The engine: one deployment, one frame, always in the same order.

Match, settle, mark, ask, send. Pure: what comes out depends on the frames and on
nothing else, so a replay, another worker or the same worker after a crash gives the
same facts with the same ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from hashlib import sha256
from traceback import extract_tb, format_exception
from typing import Any

import msgspec

from trading.account import ZERO, Account, AccountState, LedgerEntry, RoundTrip, Worth
from trading.book import Side
from trading.exchange import ExchangeState, Matched, PaperExchange
from trading.fees import fee_schedule
from trading.fills import Fill
from trading.frames import NS_PER_S, Frame, Gap
from trading.memory import pack_state, unpack_state
from trading.order_entry import Refused, order_from, refused_order, value_of
from trading.orders import Order, Refusal
from trading.portfolio import Portfolio
from trading.risk import RiskLimits, RiskSituation, entry_refusal, rate_refusal
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Answer, Strategy
from trading.valuation import mid_rate

MARK_EVERY_FRAMES = 10
MAX_SIGNALS = 20  # a frame; more is a strategy out of control
MAX_ERRORS_IN_A_ROW = 5
REFUSAL_ROW_NS = 60 * NS_PER_S  # the same refusal is a row once a minute and counted always
MINUTE_NS = 60 * NS_PER_S
DAY_NS = 86_400 * NS_PER_S


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a deployment takes part."""

    slug: str
    symbols: tuple[str, ...]
    stake: Decimal = Decimal(100)  # account currency
    currency: str = "USD"
    funding_currency: str = "USD"
    latency_ms: int = 200
    fee_schedule: str = "kraken-spot-2026-07"
    risk: RiskLimits = RiskLimits()
    first_sequence: int = 0  # frames up to this one are none of its business


class Figures(msgspec.Struct):
    """How the account has done; money in its currency. None until it could be valued."""

    equity: Decimal | None = None
    mid_equity: Decimal | None = None
    exposure: Decimal = ZERO
    peak_equity: Decimal = ZERO
    drawdown_pct: Decimal = ZERO
    max_drawdown_pct: Decimal = ZERO
    day: int = 0  # days since the epoch
    day_equity: Decimal = ZERO  # at the first mark of the day
    fills: int = 0
    refusals: int = 0
    last_fill_ns: int = 0


class EngineState(msgspec.Struct, kw_only=True):
    """All that must survive: a checkpoint is this, encoded."""

    sequence: int = 0  # the cursor: the last frame wholly accounted for
    time_ns: int = 0
    account: AccountState
    exchange: ExchangeState
    figures: Figures
    memory: bytes = b""  # the strategy's state, packed
    has_started: bool = False
    orders_sent_ns: list[int] = []  # in the last minute
    refusal_rows_ns: dict[str, int] = {}
    why: dict[str, int] = {}  # reason code -> times it did not trade
    errors_in_a_row: int = 0
    is_halted: bool = False  # by errors; a person may resume it
    series_versions: dict[str, int] = {}


class StrategyError(msgspec.Struct, frozen=True):
    """A strategy raised."""

    summary: str
    traceback: str
    halted: bool  # True when this one was one too many


@dataclass(slots=True)
class Outcome:
    """All that one frame changed for one deployment."""

    sequence: int
    time_ns: int
    fills: list[Fill] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    errors: list[StrategyError] = field(default_factory=list)
    gap: Gap | None = None
    mark: Worth | None = None

    @property
    def has_facts(self) -> bool:
        """True when something happened that must be on record with the cursor."""
        return bool(self.fills or self.entries or self.trips or self.orders or self.errors or self.gap)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EngineState)


class Engine:
    """One deployment at work."""

    def __init__(self, strategy: Strategy, config: Any, terms: Terms, state: EngineState | None = None) -> None:
        self.strategy = strategy
        self.config = config
        self.terms = terms
        self.state = state or EngineState(
            sequence=terms.first_sequence,
            account=AccountState(currency=terms.currency),
            exchange=ExchangeState(),
            figures=Figures(),
        )
        self.account = Account(self.state.account, fee_schedule(terms.fee_schedule))
        self.exchange = PaperExchange(terms.slug, self.account, self.state.exchange)
        self.is_paused = False  # by a person: no new signals, resting orders live on
        self._memory: dict[str, Any] = unpack_state(self.state.memory) if self.state.memory else {}

    @classmethod
    def resume(cls, strategy: Strategy, config: Any, terms: Terms, checkpoint: bytes) -> Engine:
        """Return the engine as it was when ``checkpoint`` was taken.

        Raises:
            msgspec.DecodeError: not a checkpoint of this version.
        """
        return cls(strategy, config, terms, _decoder.decode(checkpoint))

    def checkpoint(self) -> bytes:
        """Return all that must survive; equal engines give equal bytes.

        Raises:
            UnsavableState: the strategy keeps something that cannot be written down.
        """
        self.state.memory = pack_state(self._memory)
        return _encoder.encode(self.state)

    def lift_halt(self) -> None:
        """Ask the strategy again after errors had halted it."""
        self.state.is_halted, self.state.errors_in_a_row = False, 0

    def process(self, frame: Frame, snapshot: DataSnapshot) -> Outcome:
        """Take in one frame; a frame at or before the cursor changes nothing."""
        outcome = Outcome(frame.sequence, frame.time_ns)
        if frame.sequence <= self.state.sequence:
            return outcome
        if self.account.is_funded:
            outcome.gap = frame.gap
            self._settle(self.exchange.match(frame, snapshot), outcome)
        else:
            self._fund(snapshot, outcome)
        if self.account.is_funded:
            if outcome.fills or frame.sequence % MARK_EVERY_FRAMES == 0:
                self._mark(snapshot, outcome)
            if self._is_asked(frame, snapshot):
                self._ask(snapshot, outcome)
        self.state.sequence, self.state.time_ns = frame.sequence, frame.time_ns
        return outcome

    # 1, 2: what the market did to us

    def _fund(self, snapshot: DataSnapshot, outcome: Outcome) -> None:
        terms = self.terms
        entries = self.account.fund(terms.slug, terms.stake, terms.funding_currency, snapshot)
        if entries is not None:
            outcome.entries.extend(entries)

    def _settle(self, matched: Matched, outcome: Outcome) -> None:
        outcome.fills = matched.fills
        outcome.entries.extend(matched.entries)
        outcome.trips = matched.trips
        outcome.orders = matched.orders
        if not matched.fills:
            return
        self.state.figures.fills += len(matched.fills)
        self.state.figures.last_fill_ns = matched.fills[-1].time_ns
        if self.strategy.on_fill is not None:
            for fill in matched.fills:
                self._guarded(partial(self.strategy.on_fill, fill, self._memory), outcome)

    # 3: what we are worth

    def _mark(self, snapshot: DataSnapshot, outcome: Outcome) -> None:
        worth = self.account.worth(snapshot)
        if worth is None:
            return
        outcome.mark = worth
        figures = self.state.figures
        figures.equity, figures.mid_equity, figures.exposure = worth.equity, worth.mid_equity, worth.exposure
        day = snapshot.time_ns // DAY_NS
        if day != figures.day:
            figures.day, figures.day_equity = day, worth.equity
        figures.peak_equity = max(figures.peak_equity, worth.equity, self.account.state.stake)
        figures.drawdown_pct = (1 - worth.equity / figures.peak_equity) * 100
        figures.max_drawdown_pct = max(figures.max_drawdown_pct, figures.drawdown_pct)

    # 4: what the strategy wants

    def _is_asked(self, frame: Frame, snapshot: DataSnapshot) -> bool:
        """Return whether the strategy is due; when it is due but cannot be asked, count why."""
        if self.is_paused or self.state.is_halted or not self._is_triggered(frame, snapshot):
            return False
        reason = self._hindrance(snapshot)
        if reason:
            self._count(reason)
        return not reason

    def _is_triggered(self, frame: Frame, snapshot: DataSnapshot) -> bool:
        trigger, symbols = self.strategy.trigger, self.terms.symbols
        if trigger == "frame":
            return True
        if trigger == "trade":
            return any(trade.symbol in symbols for trade in frame.trades)
        timeframe = trigger.removeprefix("candle:")
        versions = {s: snapshot.candles(s, timeframe).version for s in symbols if s in snapshot.instruments}
        has_closed = any(version > self.state.series_versions.get(s, 0) for s, version in versions.items())
        self.state.series_versions = versions
        return has_closed

    def _hindrance(self, snapshot: DataSnapshot) -> str:
        symbols = self._symbols(snapshot)
        if not symbols:
            return "no_data"
        for symbol in symbols:
            if not snapshot.is_tradable(symbol):
                return "stale_data" if snapshot.status(symbol) == "stale" else "not_tradable"
            if mid_rate(snapshot, snapshot.instrument(symbol).quote, self.terms.currency) is None:
                return "no_valuation"
            for timeframe, count in self.strategy.warmup.items():
                if len(snapshot.candles(symbol, timeframe)) < count:
                    return "warming_up"
        return ""

    def _symbols(self, snapshot: DataSnapshot) -> tuple[str, ...]:
        return tuple(symbol for symbol in self.terms.symbols if symbol in snapshot.instruments)

    def _ask(self, snapshot: DataSnapshot, outcome: Outcome) -> None:
        live = tuple(self.exchange.state.orders.values())
        seed = sha256(f"{self.terms.slug}:{snapshot.sequence}".encode()).digest()[:8]
        data = snapshot.seen_by(
            Portfolio(self.account, live, snapshot), self._symbols(snapshot), int.from_bytes(seed, "big")
        )
        answer = self._guarded(partial(self._answer, data), outcome)
        if isinstance(answer, list):
            self.state.errors_in_a_row = 0
            for at, signal in enumerate(answer):
                self._guarded(partial(self._place, signal, at, snapshot, outcome), outcome)

    def _answer(self, data: DataSnapshot) -> list[Signal]:
        """Return the strategy's signals; a reason not to trade is counted.

        Raises:
            TypeError, ValueError: the strategy broke its contract. Anything else is its own.
        """
        if not self.state.has_started:
            self.state.has_started = True
            if self.strategy.on_start is not None:
                self.strategy.on_start(self.config, self._memory)
        answer: Answer = self.strategy.generate_signal(data, self.config, self._memory)
        signals = answer if isinstance(answer, list) else [answer] if isinstance(answer, Signal) else []
        if len(signals) > MAX_SIGNALS:
            raise ValueError(f"{len(signals)} signals in one frame; at most {MAX_SIGNALS} are taken")
        for signal in signals:
            if not isinstance(signal, Signal):
                raise TypeError(f"generate_signal returned a list with a {type(signal).__name__}; expected Signals")
        if not signals:
            if not (answer is None or isinstance(answer, NoSignal | list)):
                raise TypeError(
                    f"generate_signal returned a {type(answer).__name__}; expected Signal, list or NoSignal"
                )
            why = answer.code if isinstance(answer, NoSignal) else self._memory.pop("why", None)
            self._count(str(why or "no_signal"))
        return signals

    def _guarded(self, call: Callable[[], Any], outcome: Outcome) -> Any:
        """Return what ``call`` returns; what it raises is recorded against the strategy and counted."""
        try:
            return call()
        except Exception as error:
            self.state.errors_in_a_row += 1
            self.state.is_halted = self.state.errors_in_a_row >= MAX_ERRORS_IN_A_ROW
            where = extract_tb(error.__traceback__)[-1]
            summary = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            text = "".join(format_exception(error))
            outcome.errors.append(StrategyError(summary[:300], text, self.state.is_halted))
            return None

    def _count(self, code: str) -> None:
        self.state.why[code] = self.state.why.get(code, 0) + 1

    # 5: what becomes of it

    def _place(self, signal: Signal, at: int, snapshot: DataSnapshot, outcome: Outcome) -> None:
        order_id = f"{self.terms.slug}:{snapshot.sequence}:o{at}"
        try:
            order = order_from(
                signal,
                self.account,
                snapshot,
                order_id=order_id,
                latency_ms=self.terms.latency_ms,
                free=self._free(snapshot, signal.symbol),
            )
        except Refused as refused:
            self._refuse(signal, order_id, refused.refusal, snapshot, outcome)
            return
        refusal = self._risk_refusal(signal, order, snapshot)
        if refusal is not None:
            self._refuse(signal, order_id, refusal, snapshot, outcome)
            return
        self.state.orders_sent_ns.append(snapshot.time_ns)
        self.exchange.send(order)
        outcome.orders[order_id] = order

    def _free(self, snapshot: DataSnapshot, symbol: str) -> dict[str, Decimal]:
        instrument = snapshot.instruments.get(symbol)
        currencies = (instrument.base, instrument.quote) if instrument is not None else ()
        reserved = self.exchange.reserved(snapshot)
        return {c: self.account.balance(c) - reserved.get(c, ZERO) for c in currencies}

    def _risk_refusal(self, signal: Signal, order: Order, snapshot: DataSnapshot) -> Refusal | None:
        since = snapshot.time_ns - MINUTE_NS
        self.state.orders_sent_ns = [time_ns for time_ns in self.state.orders_sent_ns if time_ns > since]
        sent = len(self.state.orders_sent_ns)
        if signal.side is Side.SELL:
            return rate_refusal(self.terms.risk, sent)
        figures = self.state.figures
        instrument = snapshot.instrument(order.symbol)
        held = self.account.balance(instrument.base) if self.account.position(order.symbol).lots else ZERO
        rate = mid_rate(snapshot, instrument.base, self.terms.currency) or ZERO
        situation = RiskSituation(
            order_value=value_of(order, self.account, snapshot),
            position_value=held * rate,
            exposure=figures.exposure,
            day_result=(figures.equity or ZERO) - figures.day_equity if figures.day else ZERO,
            drawdown_pct=figures.drawdown_pct,
            orders_last_minute=sent,
        )
        return entry_refusal(self.terms.risk, situation)

    def _refuse(
        self, signal: Signal, order_id: str, refusal: Refusal, snapshot: DataSnapshot, outcome: Outcome
    ) -> None:
        """Count a refusal; put it on record unless the same one is there from the last minute."""
        self.state.figures.refusals += 1
        self._count(f"refused_{refusal.code}")
        key = f"{signal.symbol}:{signal.action.value}:{refusal.code}"
        if snapshot.time_ns - self.state.refusal_rows_ns.get(key, -REFUSAL_ROW_NS) < REFUSAL_ROW_NS:
            return
        self.state.refusal_rows_ns[key] = snapshot.time_ns
        outcome.orders[order_id] = refused_order(signal, order_id, refusal, snapshot)
