"""The engine: one deployment, one frame, always in the same order.

Match, settle, mark, evaluate, send. Pure: what comes out depends on the frames and on
nothing else, so a replay, another worker or the same worker after a crash gives the
same facts with the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any
from zlib import crc32

from trading.accounting.account import Account
from trading.accounting.settlement import Settlement
from trading.bounds import OTHER, add_reason, fold_reasons, reason_key
from trading.candles import CandleSeries
from trading.engine.commands import end_flattening
from trading.engine.desk import Desk
from trading.engine.flattening import carry_on
from trading.engine.outcome import Outcome, StrategyError
from trading.engine.readiness import needs_of
from trading.engine.state import EngineState, Flattening, Terms, decode_state, encode_state
from trading.engine.strategy_errors import described
from trading.engine.strategy_state import pack_state, unpack_state
from trading.exchange import ExchangeState, PaperExchange, SharedBook
from trading.exchange.models import fill_model
from trading.fees import PUBLISHED
from trading.fills import Fill
from trading.frames import Frame
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, OrderRequest
from trading.performance.figures import Figures
from trading.portfolio import Portfolio
from trading.recount import decimals_of, recount
from trading.signals import NoSignal
from trading.snapshot import seen_by
from trading.strategy import Decision, Strategy, reason_keys, wanted_and_reasons
from trading.venue import Venue

OpenVenue = Callable[[Settlement, ExchangeState], Venue]  # from what books its executions, and what it remembers

MARK_EVERY_FRAMES = 10
MAX_ERRORS_IN_A_ROW = 5


class Engine:
    """One deployment at work."""

    def __init__(
        self,
        strategy: Strategy,
        config: Any,
        terms: Terms,
        state: EngineState | None = None,
        shared: SharedBook | None = None,  # None: the account has the market to itself
        open_venue: OpenVenue | None = None,  # None: the paper exchange
    ) -> None:
        self.strategy = strategy
        self.config = config
        self.terms = terms
        self.state = state or EngineState.beginning(terms)
        plan = terms.fee_plan or PUBLISHED.plan(terms.fee_schedule)
        self.account = Account(self.state.account, plan, terms.margin)
        self.model = fill_model(terms.fill_model)
        settlement = Settlement(self.account)
        self.venue: Venue = (
            open_venue(settlement, self.state.exchange)
            if open_venue is not None
            else PaperExchange(terms.slug, settlement, self.state.exchange, self.model, shared)
        )
        self._live = self.venue.open_orders
        self.desk = Desk(terms, self.state, self.account, self.venue, self.model)
        self._is_due_always = strategy.trigger == "frame"
        self._needs = needs_of(terms.symbols, terms.currency, tuple(sorted(strategy.warmup.items())))
        self._instruments: Mapping[str, Instrument] | None = None  # when decimals were last checked
        self._seen_series: Mapping[tuple[str, str], CandleSeries] | None = None  # when the trigger was last checked
        self.evaluated_every = 1  # frames, while nothing is open: more on a worker that is behind
        self._turn = crc32(terms.slug.encode())  # so that not all have the same frames
        self.is_paused = False  # by a person: no new signals, resting orders stay
        self.is_evaluating = False  # the strategy's own code runs: here alone may it be interrupted
        self.is_supervised = False  # Ctrl-C raises nothing here: a KeyboardInterrupt is the strategy's own
        if self.state.memory_of not in ("", strategy.hash):  # what another version remembered means nothing to this one
            self.state.memory, self.state.has_started, self.state.errors_in_a_row = b"", False, 0
        self.state.memory_of = strategy.hash
        fold_reasons(self.state.why)
        self._memory: dict[str, Any] = unpack_state(self.state.memory) if self.state.memory else {}

    @classmethod
    def resume(
        cls, strategy: Strategy, config: Any, terms: Terms, checkpoint: bytes, shared: SharedBook | None = None
    ) -> Engine:
        """Return the engine as it was when ``checkpoint`` was taken; another version of its strategy begins anew.

        Raises:
            msgspec.DecodeError: not a checkpoint of this version.
        """
        return cls(strategy, config, terms, decode_state(checkpoint), shared)

    def checkpoint(self, *, with_memory: bool = True) -> bytes:
        """Return all that must survive; equal engines give equal bytes.

        Without memory the strategy's state stays as it was when it was last written down.

        Raises:
            UnsavableState: the strategy keeps something that cannot be written down, or too much.
        """
        if with_memory:
            self.state.memory = pack_state(self._memory)
        return encode_state(self.state)

    # How it stands

    @property
    def sequence(self) -> int:
        """The last frame wholly accounted for."""
        return self.state.sequence

    @property
    def time_ns(self) -> int:
        """The market's time at that frame; zero before the first."""
        return self.state.time_ns

    @property
    def figures(self) -> Figures:
        """How the account has done, as of its last mark."""
        return self.state.figures

    @property
    def is_funded(self) -> bool:
        """True once the stake has been paid in."""
        return self.account.is_funded

    @property
    def is_halted(self) -> bool:
        """True while errors keep the strategy from being evaluated."""
        return self.state.is_halted

    @property
    def are_entries_stopped(self) -> bool:
        """True while a person lets nothing be opened or enlarged."""
        return self.state.are_entries_stopped

    @property
    def flattening(self) -> Flattening | None:
        """The command to flatten that is being carried out."""
        return self.state.flattening

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """The orders that may still be filled, by id, oldest first."""
        return self.venue.open_orders

    @property
    def requests(self) -> Sequence[OrderRequest]:
        """The requests to cancel and amend that have not arrived."""
        return self.venue.requests

    @property
    def has_open(self) -> bool:
        """True while an order is live or a position open."""
        return bool(self.venue.open_orders) or any(p.lots for p in self.account.state.positions.values())

    @property
    def why(self) -> Mapping[str, int]:
        """How often the strategy did not trade, by reason code."""
        return self.state.why

    @property
    def memory_bytes(self) -> int:
        """The size of the strategy's state as it was last written down."""
        return len(self.state.memory)

    @property
    def indicators(self) -> Any:
        """What the strategy shows of its last evaluation, as it keeps it."""
        return self._memory.get("indicators")

    # What others do to it

    def halt(self) -> None:
        """Evaluate the strategy no more, until a person lifts it."""
        self.state.is_halted = True

    def lift_halt(self) -> None:
        """Evaluate the strategy again after errors had halted it."""
        self.state.is_halted, self.state.errors_in_a_row = False, 0

    def end_flattening(self) -> None:
        """Take a command to flatten back; what was closed stays so."""
        end_flattening(self.desk)

    def process(self, frame: Frame, snapshot: MarketSnapshot) -> Outcome:
        """Take in one frame; a frame at or before the cursor changes nothing."""
        state, account, sequence = self.state, self.state.account, frame.sequence
        outcome = Outcome(sequence, frame.time_ns)
        if sequence <= state.sequence:
            return outcome
        if snapshot.instruments is not self._instruments:
            self._count_as(snapshot, outcome)
        if self.account.is_funded:
            if frame.gap is not None:
                outcome.gap = frame.gap
            if self._live or account.loans:
                self._match(frame, snapshot, outcome)
        elif not self._is_funded_now(snapshot, outcome):
            state.sequence, state.time_ns = sequence, frame.time_ns
            return outcome
        if sequence % MARK_EVERY_FRAMES == 0 or outcome.fills or outcome.margin:
            self._mark(snapshot, outcome)
        if state.flattening is not None:
            carry_on(self.desk, snapshot, outcome)
        elif not (self.is_paused or state.is_halted) and (
            self._is_turn(sequence) if self._is_due_always else self._is_due(frame, snapshot)
        ):
            missing, symbols = self._needs.at(snapshot)
            if account.bankrupt_ns:
                self.desk.count("bankrupt")
            elif missing:
                self.desk.count(missing)
            else:
                self._evaluate(snapshot, symbols, outcome)
        state.sequence, state.time_ns = sequence, frame.time_ns
        return outcome

    def _count_as(self, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        """Go on in the decimals of the market: what is held was counted in those of the last frame, or checkpoint."""
        self._instruments, known = snapshot.instruments, self.state.decimals
        orders = [order.symbol for order in self._live.values()]
        for symbol in dict.fromkeys((*self.terms.symbols, *self.account.state.positions, *orders)):
            instrument = snapshot.instruments.get(symbol)
            if instrument is None:
                continue
            change = recount(known.get(symbol), instrument)
            if change is not None:
                outcome.orders = {**outcome.orders, **self.venue.recount(change, snapshot).orders}
                self.account.recount(change)
            known[symbol] = decimals_of(instrument)

    # 1, 2: what the venue has done, booked

    def _match(self, frame: Frame, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        report = self.venue.process(frame, snapshot)
        outcome.fills, outcome.trips = report.fills, report.trips
        outcome.orders = {**outcome.orders, **report.orders} if outcome.orders else report.orders
        outcome.entries, outcome.margin = report.entries, report.margin
        if report.fills:
            self._report_fills(report.fills, outcome)

    def _is_funded_now(self, snapshot: MarketSnapshot, outcome: Outcome) -> bool:
        terms = self.terms
        outcome.entries = (
            self.account.fund(terms.slug, terms.stake, terms.funding_currency, snapshot, terms.assets) or ()
        )
        return self.account.is_funded

    def _report_fills(self, fills: list[Fill], outcome: Outcome) -> None:
        self.state.figures.fills += len(fills)
        self.state.figures.last_fill_ns = fills[-1].time_ns
        if self.strategy.on_fill is not None:
            for fill in fills:
                self.is_evaluating = True
                self._guarded(partial(self.strategy.on_fill, fill, self._memory), outcome)
                self.is_evaluating = False

    # 3: what the account is worth

    def _mark(self, snapshot: MarketSnapshot, outcome: Outcome) -> None:
        worth = self.account.worth(snapshot)
        if worth is not None:
            outcome.mark = worth
            self.account.note_excursions(snapshot)
            self.state.figures.mark(self.account, worth, snapshot)

    # 4, 5: what the strategy wants, and what is sent

    def _is_turn(self, sequence: int) -> bool:
        """True unless its worker is behind and nothing is open: then it is evaluated less often, and that counted."""
        if self.evaluated_every == 1 or (sequence + self._turn) % self.evaluated_every == 0 or self.has_open:
            return True
        self.desk.count("worker_behind")
        return False

    def _is_due(self, frame: Frame, snapshot: MarketSnapshot) -> bool:
        """True when what triggers the strategy has happened."""
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

    def _evaluate(self, snapshot: MarketSnapshot, symbols: tuple[str, ...], outcome: Outcome) -> None:
        """Evaluate the strategy, and hand its signals to the desk; a reason not to trade is counted."""
        state = self.state
        state.evaluated_ns = snapshot.time_ns
        self.is_evaluating = True
        try:
            if not state.has_started:
                self._start()
            answer = self.strategy.generate_signal(seen_by(self, symbols, snapshot), self.config, self._memory)
            # What a reason is called is the strategy's code, too, until it is plain text.
            if type(answer) is NoSignal:  # nearly always
                decision: Decision = ((), (answer,))
                keys = [reason_key(answer.code, answer.symbol)]
            else:
                decision = wanted_and_reasons(answer)
                keys = reason_keys(decision[1])
                if not any(decision):
                    keys = [reason_key(self._memory.pop("why", None), "")]
        except BaseException as error:
            # Also what would end the process: a strategy may end nothing but its own turn.
            self._fail(error, outcome)
            return
        self.is_evaluating = False
        if state.errors_in_a_row:
            state.errors_in_a_row = 0
        wanted, reasons = decision
        for key in keys:
            self.desk.count(key)
        if len(reasons) > len(keys):
            add_reason(state.why, OTHER, len(reasons) - len(keys))
            self.desk.note_surplus("reasons", len(reasons) - len(keys))
        for at, signal in enumerate(wanted):
            self._guarded(partial(self.desk.place, signal, at, snapshot, outcome), outcome)

    def _start(self) -> None:
        self.state.has_started = True
        if self.strategy.on_start is not None:
            self.strategy.on_start(self.config, self._memory)

    def portfolio_at(self, snapshot: MarketSnapshot) -> Portfolio:
        """Return what the strategy may read of its account."""
        return Portfolio(self.account, tuple(self.venue.open_orders.values()), snapshot)

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
        self.is_evaluating = False
        if isinstance(error, KeyboardInterrupt) and not self.is_supervised:
            raise error
        self.state.errors_in_a_row += 1
        self.state.is_halted = self.state.errors_in_a_row >= MAX_ERRORS_IN_A_ROW
        outcome.errors = (*outcome.errors, StrategyError(*described(error), self.state.is_halted))
