"""The runner: a worker's deployments, one market, and what is still to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
from django.db import transaction

from marketdata.selectors import market_at
from portfolios.liquidity import record_book, restored_book
from portfolios.models import Checkpoint, Payment, Season
from portfolios.payments import record_payments
from portfolios.services import AccountUpdate, record_updates
from portfolios.shadows import ShadowUpdate, record_shadows
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.registry import strategy_of
from strategies.services import halt_deployment, pin_deployment, terms_of
from strategies.shadows import Shadows, wants_shadows
from trading.account import Worth
from trading.engine import Engine, Outcome
from trading.exchange import SharedBook
from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, NS_PER_S, Frame, Gap, utc
from trading.market import Market
from trading.snapshot import DataSnapshot

EQUITY_POINT_FRAMES = 50  # every five seconds of market time
CHECKPOINT_FRAMES = 300  # at least every thirty seconds of market time
HOUR_NS = 3_600 * NS_PER_S


@dataclass(slots=True)
class Hosted:
    """A deployment on this worker, and what has happened to it since the last commit."""

    deployment_id: int
    account_id: int
    revision: int
    engine: Engine
    shadows: Shadows
    shadow_choice: str
    saved_sequence: int
    outcomes: list[Outcome] = field(default_factory=list)
    marks: list[tuple[int, Worth]] = field(default_factory=list)
    hour_ns: int = 0  # where the present hour of market time began; zero before the first frame
    reasons: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)  # applied or refused since then

    def process(self, frame: Frame, snapshot: DataSnapshot) -> None:
        """Take in one frame, and let the shadows do so after the deployment."""
        self.note(self.engine.process(frame, snapshot))
        if self.shadows.running:
            self.shadows.process(self.engine, frame, snapshot)

    def note(self, outcome: Outcome) -> None:
        """Keep what must be written."""
        if outcome.has_facts:
            self.outcomes.append(outcome)
        if outcome.mark is not None and (outcome.fills or outcome.sequence % EQUITY_POINT_FRAMES == 0):
            self.marks.append((outcome.time_ns, outcome.mark))
        # The frame that ends with an hour belongs to it.
        hour_ns = outcome.time_ns // HOUR_NS * HOUR_NS
        if hour_ns > self.hour_ns:
            if self.hour_ns:
                self.reasons.append((hour_ns, dict(self.engine.state.why)))
            self.hour_ns = hour_ns

    def were_written(self, update: AccountUpdate) -> None:
        """Forget what has been committed."""
        if update.checkpoint is not None:
            self.saved_sequence = update.sequence
            self.shadows.were_written()
        self.outcomes, self.marks, self.reasons, self.payments = [], [], [], []

    @property
    def is_due(self) -> bool:
        """True when the stored checkpoint is behind the facts, or too old."""
        is_old = self.engine.state.sequence - self.saved_sequence >= CHECKPOINT_FRAMES
        return is_old or bool(self.outcomes) or self.shadows.is_arranged_anew


class Runner:
    """Folds frames into one market and shows each snapshot to every hosted deployment, in the order of their slugs.

    In a season of shared liquidity all its deployments are hosted by one runner, which keeps the
    book they share: whenever one of them is due to be saved all are, with the book, as of the same frame.
    One that joins late (it was disabled, or entered the league just now) catches up on a book of
    its own, because what others took meanwhile is not remembered, and shares from then on.
    """

    def __init__(self, market_name: str, *, season_id: int | None = None, book: SharedBook | None = None) -> None:
        self.market_name = market_name
        self.season_id = season_id
        self.market = Market()
        self.hosted: dict[int, Hosted] = {}
        self.placed: frozenset[int] = frozenset()  # deployments good enough for shadows
        self._book = book
        self._is_waiting_for_keyframe = False

    @classmethod
    def of(cls, season: Season) -> Runner:
        """Return a runner for the deployments of ``season``, with the book as it was saved if they share one."""
        return cls(season.market, season_id=season.pk, book=restored_book(season))

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
            hosted.process(whole, snapshot)

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
            self._catch_up(hosted, frames_after)
        _take_from(self._book, hosted)
        self.hosted[deployment.pk] = hosted
        # Who shares a book is matched in this order; to all others it makes no difference.
        self.hosted = dict(sorted(self.hosted.items(), key=lambda item: item[1].engine.terms.slug))

    def _catch_up(self, hosted: Hosted, frames_after: Callable[[int], Iterable[Frame]]) -> None:
        behind = Runner(self.market_name)
        behind.start_at(hosted.engine.state.sequence)
        behind.hosted[hosted.deployment_id] = hosted
        for frame in frames_after(behind.sequence):
            if frame.sequence > self.market.sequence:
                break
            behind.process(frame)

    def _loaded(self, deployment: Deployment) -> Hosted:
        account = deployment.account
        assert account is not None, "only deployments with an account are claimed"
        if not deployment.strategy_hash:
            pin_deployment(deployment=deployment, by="worker")
        found = strategy_of(deployment)
        config = found.config(deployment.config)
        terms = terms_of(deployment, account.first_sequence)
        stored = Checkpoint.objects.filter(account=account).first()
        if stored is None:
            engine = Engine(found, config, terms)
        else:
            engine = Engine.resume(found, config, terms, bytes(stored.payload))
        shadows = Shadows.restored(account.pk, engine)
        self._obey(engine, deployment)
        shadows.arrange(engine, are_wanted=self._wants_shadows(deployment.pk, deployment.shadows))
        return Hosted(
            deployment.pk,
            account.pk,
            deployment.revision,
            engine,
            shadows,
            deployment.shadows,
            saved_sequence=engine.state.sequence,
            hour_ns=engine.state.time_ns // HOUR_NS * HOUR_NS,
        )

    def _wants_shadows(self, deployment_id: int, choice: str) -> bool:
        return wants_shadows(choice, has_place=deployment_id in self.placed)

    def arrange_shadows(self, placed: frozenset[int]) -> None:
        """Begin and end shadows now that these deployments are good enough for them."""
        self.placed = placed
        for hosted in self.hosted.values():
            are_wanted = self._wants_shadows(hosted.deployment_id, hosted.shadow_choice)
            hosted.shadows.arrange(hosted.engine, are_wanted=are_wanted)

    def reload(self, deployment: Deployment) -> None:
        """Go on with the deployment's present config, terms and status; nothing it did is lost."""
        hosted = self.hosted[deployment.pk]
        self.flush()
        found = strategy_of(deployment)
        account = deployment.account
        assert account is not None, "a hosted deployment has an account"
        terms = terms_of(deployment, account.first_sequence)
        checkpoint = hosted.engine.checkpoint()
        hosted.engine = Engine.resume(found, found.config(deployment.config), terms, checkpoint, self._book)
        hosted.revision, hosted.shadow_choice = deployment.revision, deployment.shadows
        self._obey(hosted.engine, deployment)
        hosted.shadows.follow(hosted.engine)
        are_wanted = self._wants_shadows(deployment.pk, deployment.shadows)
        hosted.shadows.arrange(hosted.engine, are_wanted=are_wanted)

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
        begun = [hosted for hosted in self.hosted.values() if hosted.engine.state.sequence]
        if not begun:
            return set()
        # Saved apart, one of those who share a book would come back as of a frame that is not the book's.
        is_whole = is_last or (self._book is not None and any(hosted.is_due for hosted in begun))
        updates, shadow_updates = self._updates(begun, is_whole=is_whole)
        with transaction.atomic():
            record_updates(updates, self.market.snapshot().instruments)
            record_shadows(shadow_updates, [(h.account_id, model) for h in begun for model in h.shadows.ended])
            if self._book is not None and is_whole:
                assert self.season_id is not None, "a book is shared by the deployments of a season"
                record_book(season_id=self.season_id, sequence=self.market.sequence, book=self._book)
            for hosted in begun:
                _record_events(hosted)
                record_payments(hosted.payments)
        changed = {h.engine.terms.slug for h in begun if h.outcomes or h.marks or h.payments}
        for hosted, update in zip(begun, updates, strict=True):
            hosted.were_written(update)
        return changed

    @staticmethod
    def _updates(begun: list[Hosted], *, is_whole: bool) -> tuple[list[AccountUpdate], list[ShadowUpdate]]:
        updates = [_update(hosted, is_last=is_whole) for hosted in begun]
        shadow_updates = [
            shadow_update
            for hosted, update in zip(begun, updates, strict=True)
            for shadow_update in hosted.shadows.updates(with_checkpoint=update.checkpoint is not None)
        ]
        return updates, shadow_updates


def _take_from(book: SharedBook | None, hosted: Hosted) -> None:
    """Let the deployment take from ``book`` from now on; until now it had one of its own."""
    if book is not None:
        engine = hosted.engine
        resumed = Engine.resume(engine.strategy, engine.config, engine.terms, engine.checkpoint(), book)
        resumed.is_paused = engine.is_paused
        hosted.engine = resumed


def _update(hosted: Hosted, *, is_last: bool) -> AccountUpdate:
    state = hosted.engine.state
    update = AccountUpdate(hosted.account_id, state.sequence, state.time_ns, state, marks=hosted.marks)
    update.reasons, update.indicators = hosted.reasons, hosted.engine.indicators
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
    rows = []
    for outcome in hosted.outcomes:
        for at, error in enumerate(outcome.errors):
            rows.append(_event(hosted, outcome, f"error-{at}", "error", error.summary, error.traceback))
            if error.halted:
                reason = f"paused after errors in a row: {error.summary}"
                halt_deployment(deployment_id=hosted.deployment_id, reason=reason)
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
