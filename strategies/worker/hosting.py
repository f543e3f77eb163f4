"""A deployment on a worker: loaded, its facts collected, and made ready to be written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from portfolios.commands.queue import awaited_orders
from portfolios.fees import known_schedules
from portfolios.models import Checkpoint, Command, Shadow
from portfolios.rows.equity_points import Mark, mark_of
from portfolios.rows.indicators import surplus_of
from portfolios.rows.updates import AccountUpdate
from portfolios.rows.valuations import valuation_of
from strategies.deployments.events import event_of
from strategies.deployments.services import pin_deployment
from strategies.deployments.terms import terms_of
from strategies.models import Deployment, DeploymentEvent, DeploymentRevision, DeploymentStatus
from strategies.versions.registry import strategy_of
from strategies.worker.costs import Meter, resumed_meters
from strategies.worker.shadows import Shadows
from strategies.worker.shedding import Shed
from trading.candles import MINUTE_NS
from trading.engine import MAX_ERRORS_IN_A_ROW, Engine
from trading.engine.commands import allow_entries, stop_entries
from trading.engine.outcome import Outcome, StrategyError
from trading.engine.strategy_errors import described
from trading.exchange import SharedBook
from trading.fees import Schedules
from trading.frames import NS_PER_S, utc
from trading.market_snapshot import MarketSnapshot
from trading.minutes import HOUR_NS

EQUITY_POINT_FRAMES = 50  # every five seconds of market time
FLAT_POINT_NS = MINUTE_NS  # `portfolios.results.retention` relies on it
SHED_POINT_FRAMES = 600  # every minute, while the worker is behind
CHECKPOINT_FRAMES = 300  # at least every thirty seconds of market time


class Unloadable(Exception):
    """A deployment that cannot be taken on: its strategy is gone, or its config or checkpoint does not fit it."""


@dataclass(frozen=True, slots=True)
class AwaitedOrder:
    """The order with whose end a running command ends."""

    key: str  # of the command
    kind: str  # close or cancel
    order_id: str


@dataclass(slots=True)
class Hosted:
    """A deployment on this worker, and its facts since the last commit."""

    deployment_id: int
    account_id: int
    revision: int
    engine: Engine
    shadows: Shadows
    shadow_choice: str
    saved_sequence: int
    outcomes: list[Outcome] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    hour_ns: int = 0  # where the present hour of market time began; zero before the first frame
    reasons: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)  # applied or rejected since then
    awaited: list[AwaitedOrder] = field(default_factory=list)  # of commands that run
    ended: set[str] = field(default_factory=set)  # keys of those that ended since then
    recorded_wait: str | None = None  # what the running flatten waits for, as it was last written
    applied_revisions: list[tuple[int, int]] = field(default_factory=list)  # since then, each with the frame before it
    valued_ns: int = 0  # when positions and open orders were valued last
    had_open: bool = True  # whether there were any then
    meter: Meter = field(default_factory=Meter)
    unsavable: int = 0  # checkpoints in a row that had to leave the strategy's state out
    shown_sequence: int = 0  # as of which its standing was written last
    is_to_be_saved: bool = False  # its checkpoint is not too old yet, but it is its turn
    point_frames: int = EQUITY_POINT_FRAMES
    kept_mark: Mark | None = None  # the newest that became a point
    left_mark: Mark | None = None  # the newest since then, if it was like that one
    notices: list[DeploymentEvent] = field(default_factory=list)  # about it since then, of the worker's own making

    @property
    def deployment(self) -> Deployment:
        """The deployment as far as a record of it needs to know it: by key and name."""
        return Deployment(pk=self.deployment_id, slug=self.engine.terms.slug)

    def note(self, outcome: Outcome) -> None:
        """Keep what must be written."""
        if outcome.has_facts:
            self.outcomes.append(outcome)
        if outcome.mark is not None and (outcome.fills or outcome.sequence % self.point_frames == 0):
            self._keep_mark(mark_of(outcome.time_ns, outcome.mark, self.engine.state))
        # The frame that ends with an hour belongs to it.
        hour_ns = outcome.time_ns // HOUR_NS * HOUR_NS
        if hour_ns > self.hour_ns:
            if self.hour_ns:
                self.reasons.append((hour_ns, dict(self.engine.why)))
            self.hour_ns = hour_ns

    def _keep_mark(self, mark: Mark) -> None:
        """Keep a mark as a point of the curve; while all figures stand still one a minute, and the last, say it all."""
        last, between = self.kept_mark, self.left_mark
        stands_still = last is not None and mark[1:] == last[1:]
        if last is not None and stands_still and mark.time_ns - last.time_ns < FLAT_POINT_NS:
            self.left_mark = mark
            return
        if between is not None and not stands_still:
            self.marks.append(between)
        self.marks.append(mark)
        self.kept_mark, self.left_mark = mark, None

    def note_error(self, error: StrategyError) -> None:
        """Keep an error from outside of a frame, beside what the last frame brought."""
        engine = self.engine
        if not self.outcomes or self.outcomes[-1].sequence != engine.sequence:
            self.outcomes.append(Outcome(engine.sequence, engine.time_ns))
        self.outcomes[-1].errors = (*self.outcomes[-1].errors, error)

    @property
    def is_due(self) -> bool:
        """True when the stored checkpoint is behind the facts, too old, or lacks the strategy's state."""
        is_old = self.is_to_be_saved or self.engine.sequence - self.saved_sequence >= CHECKPOINT_FRAMES
        lacks_state = 0 < self.unsavable < MAX_ERRORS_IN_A_ROW
        return self.has_news or is_old or lacks_state

    @property
    def has_news(self) -> bool:
        """True when it has facts, or what must be on record with its cursor; a mark can wait for its turn."""
        is_commanded = bool(self.commands or self.applied_revisions or self.notices)
        return bool(self.outcomes) or is_commanded or self.shadows.is_arranged_anew

    def checkpoint(self) -> bytes:
        """Return all of the deployment that must survive.

        A state that cannot be written down is the strategy's error; the account is saved beside the state
        that could be written last. Too many such errors in a row halt it.

        Raises:
            Unencodable: the account itself cannot be written down.
        """
        if self.unsavable >= MAX_ERRORS_IN_A_ROW:
            return self.engine.checkpoint(with_memory=False)
        engine = self.engine
        try:
            payload = engine.checkpoint()
        except Exception as error:
            self.unsavable += 1
            if self.unsavable >= MAX_ERRORS_IN_A_ROW:
                engine.halt()
            self.note_error(StrategyError(*described(error), engine.is_halted))
            return engine.checkpoint(with_memory=False)
        self.unsavable = 0
        self.meter.state_bytes = engine.memory_bytes
        return payload

    def update(self, checkpoint: bytes | None, snapshot: MarketSnapshot) -> AccountUpdate:
        """Return what is to be written, with ``checkpoint`` or beside the stored one, as ``snapshot`` has it."""
        engine = self.engine
        update = AccountUpdate(
            self.account_id, engine.sequence, engine.time_ns, engine.state, checkpoint, marks=self.marks
        )
        update.reasons, update.indicators = self.reasons, self.engine.indicators
        self.meter.surplus = {**engine.state.surplus, "indicators": surplus_of(update.indicators)}
        if snapshot.time_ns - self.valued_ns >= NS_PER_S and (self._is_open or self.had_open):
            update.valuation = valuation_of(self.account_id, self.engine, snapshot)
        for outcome in self.outcomes:
            update.fills += outcome.fills
            update.entries += outcome.entries
            update.trips += outcome.trips
            update.orders.update(outcome.orders)
        return update

    @property
    def _is_open(self) -> bool:
        return self.engine.has_open

    def were_written(self, update: AccountUpdate) -> None:
        """Forget what has been committed."""
        self.shown_sequence = update.sequence
        if update.checkpoint is not None:
            self.saved_sequence, self.is_to_be_saved = update.sequence, False
            self.shadows.were_written()
        if update.valuation is not None:
            self.valued_ns, self.had_open = update.valuation.time_ns, self._is_open
        self.meter.errors += sum(len(outcome.errors) for outcome in self.outcomes)
        self.outcomes, self.marks, self.reasons = [], [], []
        self.commands, self.applied_revisions, self.notices = [], [], []
        self.awaited = [each for each in self.awaited if each.key not in self.ended]
        self.ended.clear()

    def forget_recorded(self) -> None:
        """Forget what was noted while it was recorded: that was rolled back, and will be recorded again."""
        self.ended.clear()
        self.recorded_wait = None

    def shed(self, shed: Shed, lag_s: float) -> None:
        """Leave this much undone; what changes facts becomes an event with the frame from which it does."""
        engine = self.engine
        self.point_frames = SHED_POINT_FRAMES if shed >= Shed.POINTS else EQUITY_POINT_FRAMES
        before, engine.evaluated_every = engine.evaluated_every, shed.evaluated_every
        if before == engine.evaluated_every or engine.strategy.trigger != "frame" or not engine.sequence:
            return
        often = f"every {shed.evaluated_every} frames" if shed.evaluated_every > 1 else "at every frame again"
        why = f", the worker is {lag_s:.1f} s behind" if shed.evaluated_every > before else ""
        self.notices.append(
            event_of(
                self.deployment,
                f"{self.account_id}-{engine.sequence}-load-{shed.evaluated_every}",
                "load",
                f"evaluated {often} while nothing is open{why}",
                sequence=engine.sequence,
                time=utc(engine.time_ns),
            )
        )

    def take_status(self, deployment: Deployment, schedules: Schedules) -> bool:
        """Apply the deployment's present status; False, and nothing is done, when more than that has changed."""
        engine, account = self.engine, deployment.account
        assert account is not None, "only deployments with an account are hosted"
        try:
            found = strategy_of(deployment)
            is_same = (
                found.hash == engine.strategy.hash
                and found.config(deployment.config) == engine.config
                and terms_of(deployment, account.first_sequence, schedules) == engine.terms
            )
        except Exception:
            return False  # who takes it on as it is now says what is wrong
        if is_same:
            _apply_status(engine, deployment.status)
        return is_same

    def take_from(self, book: SharedBook) -> None:
        """Take from ``book`` from now on; until now it had one of its own."""
        engine = self.engine
        resumed = Engine.resume(engine.strategy, engine.config, engine.terms, self.checkpoint(), book)
        resumed.is_paused, resumed.is_supervised = engine.is_paused, engine.is_supervised
        self.engine = resumed


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored of deployments that are taken on, by deployment or account; a few queries for any number."""

    checkpoints: Mapping[int, bytes]
    shadows: Mapping[int, Sequence[Shadow]]
    awaited: Mapping[int, Sequence[AwaitedOrder]]
    meters: Mapping[int, Meter]
    unapplied: Set[int]  # deployments with revisions that no worker has applied
    schedules: Schedules

    @classmethod
    def of(cls, deployments: Sequence[Deployment]) -> Kept:
        """Read what is stored of ``deployments``."""
        ids = [deployment.pk for deployment in deployments]
        accounts = [deployment.account_id for deployment in deployments if deployment.account_id is not None]
        shadows: defaultdict[int, list[Shadow]] = defaultdict(list)
        for row in Shadow.objects.filter(account__in=accounts):
            shadows[row.account_id].append(row)
        stored = Checkpoint.objects.filter(account__in=accounts).values_list("account_id", "payload")
        awaited: defaultdict[int, list[AwaitedOrder]] = defaultdict(list)
        for account_id, *order in awaited_orders(accounts):
            awaited[account_id].append(AwaitedOrder(*order))
        unapplied = DeploymentRevision.objects.filter(deployment__in=ids, sequence=None)
        return cls(
            checkpoints={account_id: bytes(payload) for account_id, payload in stored},
            shadows=shadows,
            awaited=awaited,
            meters=resumed_meters(ids),
            unapplied=set(unapplied.values_list("deployment_id", flat=True)),
            schedules=known_schedules(),
        )


def load(deployment: Deployment, kept: Kept) -> Hosted:
    """Return a deployment as its last checkpoint left it, or as it begins.

    Raises:
        Unloadable: with what is wrong.
    """
    account = deployment.account
    assert account is not None, "only deployments with an account are claimed"
    engine = engine_of(deployment, kept.checkpoints.get(account.pk), schedules=kept.schedules)
    hosted = Hosted(
        deployment.pk,
        account.pk,
        deployment.revision,
        engine,
        Shadows.restored(account.pk, engine, kept.shadows.get(account.pk, ())),
        deployment.shadows,
        saved_sequence=engine.sequence,
        hour_ns=engine.time_ns // HOUR_NS * HOUR_NS,
        meter=kept.meters.get(deployment.pk) or Meter(),
        awaited=list(kept.awaited.get(account.pk, ())),
    )
    if deployment.pk in kept.unapplied:
        hosted.applied_revisions.append((deployment.revision, engine.sequence))
    return hosted


def engine_of(
    deployment: Deployment,
    checkpoint: bytes | None,
    book: SharedBook | None = None,
    *,
    schedules: Schedules | None = None,
) -> Engine:
    """Return the deployment's engine under its present config, terms and status.

    It is as it was when ``checkpoint`` was taken, or new.

    Raises:
        Unloadable: with what is wrong.
    """
    account = deployment.account
    assert account is not None, "only deployments with an account are claimed"
    try:
        if not deployment.strategy_hash:
            pin_deployment(deployment=deployment, by="worker")
        found = strategy_of(deployment)
        config = found.config(deployment.config)
        terms = terms_of(deployment, account.first_sequence, schedules)
        if checkpoint is None:
            engine = Engine(found, config, terms, shared=book)
        else:
            engine = Engine.resume(found, config, terms, checkpoint, book)
    except Exception as error:
        raise Unloadable(described(error)[0]) from error
    engine.is_supervised = True
    _apply_status(engine, deployment.status)
    return engine


def _apply_status(engine: Engine, status: str) -> None:
    """Apply the deployment's status to its engine between two frames."""
    engine.is_paused = status not in {DeploymentStatus.ENABLED, DeploymentStatus.ENTRIES_STOPPED}
    if status == DeploymentStatus.ENTRIES_STOPPED:
        stop_entries(engine.desk)
    else:
        allow_entries(engine.desk)
    if engine.is_paused:
        return
    engine.end_flattening()  # a person who enables it again does not want it flat any more
    if engine.is_halted:
        engine.lift_halt()
