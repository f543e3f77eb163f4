"""The runner: a worker's deployments, one market, and what is still to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
from django.db import transaction
from django.utils import timezone

from marketdata.selectors import market_at
from portfolios.models import Checkpoint, Payment
from portfolios.payments import record_payments
from portfolios.services import AccountUpdate, record_updates
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.registry import strategy
from strategies.services import terms_of
from trading.account import Worth
from trading.engine import Engine, Outcome, StrategyError
from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, Frame, Gap, utc
from trading.market import Market

EQUITY_POINT_FRAMES = 50  # every five seconds of market time
CHECKPOINT_FRAMES = 300  # at least every thirty seconds of market time


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
    payments: list[Payment] = field(default_factory=list)  # applied or refused since then

    def note(self, outcome: Outcome) -> None:
        """Keep what must be written."""
        if outcome.has_facts:
            self.outcomes.append(outcome)
        if outcome.mark is not None and (outcome.fills or outcome.sequence % EQUITY_POINT_FRAMES == 0):
            self.marks.append((outcome.time_ns, outcome.mark))

    @property
    def is_due(self) -> bool:
        """True when the stored checkpoint is behind the facts, or too old."""
        return bool(self.outcomes) or self.engine.state.sequence - self.saved_sequence >= CHECKPOINT_FRAMES


class Runner:
    """Folds frames into one market and shows each snapshot to every hosted deployment."""

    def __init__(self, market_name: str) -> None:
        self.market_name = market_name
        self.market = Market()
        self.hosted: dict[int, Hosted] = {}
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
        for hosted in self.hosted.values():
            hosted.note(hosted.engine.process(whole, snapshot))

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
        """
        hosted = self._loaded(deployment)
        if self.market.sequence > hosted.engine.state.sequence:
            behind = Runner(self.market_name)
            behind.start_at(hosted.engine.state.sequence)
            behind.hosted[deployment.pk] = hosted
            for frame in frames_after(behind.sequence):
                if frame.sequence > self.market.sequence:
                    break
                behind.process(frame)
        self.hosted[deployment.pk] = hosted

    def _loaded(self, deployment: Deployment) -> Hosted:
        account = deployment.account
        assert account is not None, "only deployments with an account are claimed"
        found = strategy(deployment.strategy)
        config = found.config(deployment.config)
        terms = terms_of(deployment, account.first_sequence)
        stored = Checkpoint.objects.filter(account=account).first()
        if stored is None:
            engine = Engine(found, config, terms)
        else:
            engine = Engine.resume(found, config, terms, bytes(stored.payload))
        self._obey(engine, deployment)
        return Hosted(deployment.pk, account.pk, deployment.revision, engine, engine.state.sequence)

    def reload(self, deployment: Deployment) -> None:
        """Go on with the deployment's present config, terms and status; nothing it did is lost."""
        hosted = self.hosted[deployment.pk]
        self.flush()
        found = strategy(deployment.strategy)
        account = deployment.account
        assert account is not None, "a hosted deployment has an account"
        terms = terms_of(deployment, account.first_sequence)
        hosted.engine = Engine.resume(found, found.config(deployment.config), terms, hosted.engine.checkpoint())
        hosted.revision = deployment.revision
        self._obey(hosted.engine, deployment)

    @staticmethod
    def _obey(engine: Engine, deployment: Deployment) -> None:
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
        updates = [_update(hosted, is_last=is_last) for hosted in self.hosted.values() if hosted.engine.state.sequence]
        if not updates:
            return set()
        with transaction.atomic():
            record_updates(updates, self.market.snapshot().instruments)
            for hosted in self.hosted.values():
                _record_events(hosted)
                record_payments(hosted.payments)
        changed = {h.engine.terms.slug for h in self.hosted.values() if h.outcomes or h.marks or h.payments}
        for hosted, update in zip(self.hosted.values(), updates, strict=False):
            if update.checkpoint is not None:
                hosted.saved_sequence = update.sequence
            hosted.outcomes, hosted.marks, hosted.payments = [], [], []
        return changed


def _update(hosted: Hosted, *, is_last: bool) -> AccountUpdate:
    state = hosted.engine.state
    update = AccountUpdate(hosted.account_id, state.sequence, state.time_ns, state, marks=hosted.marks)
    if is_last or hosted.is_due:
        update.checkpoint = hosted.engine.checkpoint()
    for outcome in hosted.outcomes:
        update.fills += outcome.fills
        update.entries += outcome.entries
        update.trips += outcome.trips
        update.orders.update(outcome.orders)
    return update


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
