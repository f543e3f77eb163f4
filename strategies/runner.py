"""The runner: a worker's deployments, one market, and what is still to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from marketdata.selectors import market_at
from portfolios.models import Checkpoint
from portfolios.services import AccountUpdate, record_updates
from strategies.costs import Meter, resumed_meter
from strategies.evaluations import Evaluations
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.registry import strategy
from strategies.services import quarantine_deployment, terms_of
from trading.account import Worth
from trading.engine import MAX_ERRORS_IN_A_ROW, Engine
from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, Frame, Gap, utc
from trading.market import Market
from trading.mishaps import described
from trading.outcome import Outcome, StrategyError

EQUITY_POINT_FRAMES = 50  # every five seconds of market time
CHECKPOINT_FRAMES = 300  # at least every thirty seconds of market time


class Unloadable(Exception):
    """A deployment that cannot be taken on: its strategy is gone, or its config or checkpoint does not fit it."""


@dataclass(slots=True)
class Hosted:
    """A deployment on this worker, and what has happened to it since the last commit."""

    deployment_id: int
    account_id: int
    revision: int
    engine: Engine
    saved_sequence: int
    outcomes: list[Outcome] = field(default_factory=list)
    marks: list[tuple[int, Worth]] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)
    unsavable: int = 0  # checkpoints in a row that had to leave the strategy's state out

    def note(self, outcome: Outcome) -> None:
        """Keep what must be written."""
        if outcome.has_facts:
            self.outcomes.append(outcome)
        if outcome.mark is not None and (outcome.fills or outcome.sequence % EQUITY_POINT_FRAMES == 0):
            self.marks.append((outcome.time_ns, outcome.mark))

    def note_error(self, error: StrategyError) -> None:
        """Keep an error that happened outside of a frame, beside what the last frame brought."""
        state = self.engine.state
        if not self.outcomes or self.outcomes[-1].sequence != state.sequence:
            self.outcomes.append(Outcome(state.sequence, state.time_ns))
        self.outcomes[-1].errors = (*self.outcomes[-1].errors, error)

    @property
    def is_due(self) -> bool:
        """True when the stored checkpoint is behind the facts, too old, or lacks the strategy's state."""
        is_old = self.engine.state.sequence - self.saved_sequence >= CHECKPOINT_FRAMES
        return bool(self.outcomes) or is_old or 0 < self.unsavable < MAX_ERRORS_IN_A_ROW


class Runner:
    """Folds frames into one market and shows each snapshot to every hosted deployment."""

    def __init__(self, market_name: str, evaluations: Evaluations | None = None) -> None:
        self.market_name = market_name
        self.market = Market()
        self.hosted: dict[int, Hosted] = {}
        self.let_go: set[int] = set()  # no longer hosted, because it could not be worked; its lease is still held
        self._evaluations = evaluations or Evaluations()
        self._is_waiting_for_keyframe = False

    @property
    def sequence(self) -> int:
        """The last frame that was worked through."""
        return self.market.sequence

    def start_at(self, sequence: int | None) -> None:
        """Restore the market as it was at or before ``sequence`` (None: as late as is known)."""
        self.market, _ = market_at(self.market_name, sequence)

    def process(self, frame: Frame) -> None:
        """Work one frame through, whole."""
        whole = self._with_gap(frame)
        if whole is None:
            return
        self.market.fold(whole)
        snapshot = self.market.snapshot()
        fallen: list[tuple[Hosted, Exception]] = []
        self._evaluations.begin(whole.sequence)
        for hosted in self.hosted.values():
            try:
                hosted.note(self._evaluations.process(hosted, hosted.engine, whole, snapshot))
            except Exception as error:
                # Not the strategy but the engine, over what the strategy gave it: the account may be half changed.
                fallen.append((hosted, error))
        self._evaluations.end()
        for hosted, mishap in fallen:
            self._quarantine(hosted, "could not be worked", mishap)

    def _quarantine(self, hosted: Hosted, what: str, error: Exception) -> None:
        """Let a deployment go as its last checkpoint left it."""
        summary, traceback = described(error)
        del self.hosted[hosted.deployment_id]
        self.let_go.add(hosted.deployment_id)
        quarantine_deployment(deployment_id=hosted.deployment_id, reason=f"{what}: {summary}", detail=traceback)

    def _with_gap(self, frame: Frame) -> Frame | None:
        """Mark frames that the stream no longer held; books are unknown until the next keyframe, so wait for it."""
        if frame.sequence <= self.market.sequence:
            return None
        is_next = frame.sequence == self.market.sequence + 1 or self.market.sequence == 0 or frame.gap is not None
        if is_next and not self._is_waiting_for_keyframe:
            return frame
        self._is_waiting_for_keyframe = not frame.is_keyframe
        if self._is_waiting_for_keyframe:
            return None
        opened_ns = frame.time_ns - FRAME_INTERVAL_MS * NS_PER_MS
        gap = Gap(self.market.time_ns, opened_ns, "the stream no longer held these frames")
        return msgspec.structs.replace(frame, gap=gap)

    def host(self, deployment: Deployment, frames_after: Callable[[int], Iterable[Frame]]) -> None:
        """Take a deployment on: load its checkpoint, and let it catch up with this market.

        Start-up and crash recovery are this one path. ``frames_after(sequence)`` reads the stream.

        Raises:
            Unloadable: with what is wrong.
        """
        hosted = self._loaded(deployment)
        if self.market.sequence > hosted.engine.state.sequence:
            behind = Runner(self.market_name, self._evaluations)
            behind.start_at(hosted.engine.state.sequence)
            behind.hosted[deployment.pk] = hosted
            for frame in frames_after(behind.sequence):
                if frame.sequence > self.market.sequence:
                    break
                behind.process(frame)
            if deployment.pk in behind.let_go:
                self.let_go.add(deployment.pk)
                return
        self.hosted[deployment.pk] = hosted

    def _loaded(self, deployment: Deployment) -> Hosted:
        account = deployment.account
        assert account is not None, "only deployments with an account are claimed"
        stored = Checkpoint.objects.filter(account=account).first()
        engine = _engine(deployment, bytes(stored.payload) if stored else None)
        self._obey(engine, deployment)
        meter = resumed_meter(deployment.pk)
        return Hosted(deployment.pk, account.pk, deployment.revision, engine, engine.state.sequence, meter=meter)

    def reload(self, deployment: Deployment) -> None:
        """Go on with the deployment's present config, terms and status; nothing it did is lost.

        Raises:
            Unloadable: with what is wrong; it goes on as before.
        """
        self.flush()
        hosted = self.hosted.get(deployment.pk)
        if hosted is None:
            return  # it could not be written, and was let go
        hosted.engine = _engine(deployment, self._checkpoint(hosted))
        hosted.revision, hosted.unsavable = deployment.revision, 0
        self._obey(hosted.engine, deployment)

    @staticmethod
    def _obey(engine: Engine, deployment: Deployment) -> None:
        engine.is_supervised = True
        engine.is_paused = deployment.status != DeploymentStatus.ENABLED
        if not engine.is_paused and engine.state.is_halted:
            engine.lift_halt()

    def drop(self, deployment_id: int) -> None:
        """Write what is left of a deployment and let it go."""
        self.flush(is_last=True)
        self.hosted.pop(deployment_id, None)

    def flush(self, *, is_last: bool = False) -> set[str]:
        """Commit all that has happened since the last time, as one fact; return the slugs that changed.

        ``is_last`` also saves the cursors of those to whom nothing has happened.
        """
        updates = [(h, self._update(h, is_last=is_last)) for h in self.hosted.values() if h.engine.state.sequence]
        if not updates:
            return set()
        try:
            return self._commit(updates)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # A row that the database refuses. Whose it is shows when each is written alone.
            return set().union(*(self._commit_alone(hosted, update) for hosted, update in updates))

    def _commit(self, updates: list[tuple[Hosted, AccountUpdate]]) -> set[str]:
        with transaction.atomic():
            record_updates([update for _, update in updates], self.market.snapshot().instruments)
            for hosted, _ in updates:
                _record_events(hosted)
        changed = {h.engine.terms.slug for h, _ in updates if h.outcomes or h.marks}
        for hosted, update in updates:
            if update.checkpoint is not None:
                hosted.saved_sequence = update.sequence
            hosted.meter.errors += sum(len(outcome.errors) for outcome in hosted.outcomes)
            hosted.outcomes, hosted.marks = [], []
        return changed

    def _commit_alone(self, hosted: Hosted, update: AccountUpdate) -> set[str]:
        try:
            return self._commit([(hosted, update)])
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            self._quarantine(hosted, "its record could not be written", error)
            return set()

    def _update(self, hosted: Hosted, *, is_last: bool) -> AccountUpdate:
        state = hosted.engine.state
        checkpoint = self._checkpoint(hosted) if is_last or hosted.is_due else None
        update = AccountUpdate(hosted.account_id, state.sequence, state.time_ns, state, checkpoint, marks=hosted.marks)
        for outcome in hosted.outcomes:
            update.fills += outcome.fills
            update.entries += outcome.entries
            update.trips += outcome.trips
            update.orders.update(outcome.orders)
        return update

    def _checkpoint(self, hosted: Hosted) -> bytes:
        """Return all of the deployment that must survive.

        A state that cannot be written down is the strategy's error; the account is saved beside the state
        that could be written last. Too many such errors in a row halt it.
        """
        engine = hosted.engine
        if hosted.unsavable >= MAX_ERRORS_IN_A_ROW:
            return engine.checkpoint(with_memory=False)
        try:
            with self._evaluations.answering(hosted.deployment_id):
                payload = engine.checkpoint()
        except Exception as error:
            hosted.unsavable += 1
            engine.state.is_halted = engine.state.is_halted or hosted.unsavable >= MAX_ERRORS_IN_A_ROW
            hosted.note_error(StrategyError(*described(error), engine.state.is_halted))
            return engine.checkpoint(with_memory=False)
        hosted.unsavable = 0
        hosted.meter.state_bytes = len(engine.state.memory)
        return payload


def _engine(deployment: Deployment, checkpoint: bytes | None) -> Engine:
    """Return the deployment's engine, as it was when ``checkpoint`` was taken or new.

    Raises:
        Unloadable: with what is wrong.
    """
    account = deployment.account
    assert account is not None, "only deployments with an account are claimed"
    try:
        found = strategy(deployment.strategy)
        config = found.config(deployment.config)
        terms = terms_of(deployment, account.first_sequence)
        if checkpoint is None:
            return Engine(found, config, terms)
        return Engine.resume(found, config, terms, checkpoint)
    except Exception as error:
        raise Unloadable(described(error)[0]) from error


def _record_events(hosted: Hosted) -> None:
    """Write errors, margin events and gaps, and pause what errors have halted."""
    slug = hosted.engine.terms.slug
    rows = []
    for outcome in hosted.outcomes:
        for at, error in enumerate(outcome.errors):
            rows.append(_event(hosted, outcome, f"error-{at}", "error", error.summary, error.traceback))
            if error.halted:
                _pause(hosted.deployment_id, slug, error)
        for at, event in enumerate(outcome.margin):
            rows.append(_event(hosted, outcome, f"margin-{at}", event.kind.value, event.sentence, ""))
        if outcome.gap is not None:
            seconds = (outcome.gap.to_ns - outcome.gap.from_ns) / 1e9
            summary = f"{seconds:.1f} s of the market were not seen: {outcome.gap.reason}"
            rows.append(_event(hosted, outcome, "gap", "gap", summary, ""))
    DeploymentEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _event(hosted: Hosted, outcome: Outcome, ordinal: str, kind: str, summary: str, detail: str) -> DeploymentEvent:
    return DeploymentEvent(
        deployment_id=hosted.deployment_id,
        event_id=f"{hosted.account_id}-{outcome.sequence}-{ordinal}",
        kind=kind,
        summary=summary[:300],
        detail=detail,
        sequence=outcome.sequence,
        time=utc(outcome.time_ns),
    )


def _pause(deployment_id: int, slug: str, error: StrategyError) -> None:
    reason = f"paused after errors in a row: {error.summary}"
    Deployment.objects.filter(pk=deployment_id).update(
        status=DeploymentStatus.PAUSED, status_reason=reason[:500], updated_at=timezone.now()
    )
