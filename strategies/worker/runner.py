"""The runner: a worker's deployments on one market, shown its frames and committed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from heapq import nsmallest
from itertools import chain, takewhile
from math import ceil
from time import perf_counter

from django.db import transaction

from marketdata.selectors import checkpoint_before, market_at
from portfolios.fees import known_schedules
from portfolios.models import Season
from portfolios.rows.fitting import is_of_the_rows
from portfolios.rows.liquidity import record_book, restored_book
from portfolios.services import prepared
from strategies.deployments.services import quarantine_deployment
from strategies.models import Deployment
from strategies.worker.evaluations import Evaluations
from strategies.worker.hosting import CHECKPOINT_FRAMES, Hosted, Kept, Unloadable, engine_of, load
from strategies.worker.records import Written, record
from strategies.worker.shadows import wants_shadows
from strategies.worker.shedding import Shed
from trading.engine.strategy_errors import described
from trading.exchange import SharedBook
from trading.fees import Schedules
from trading.frames import Frame
from trading.market import Market
from trading.market_snapshot import MarketSnapshot
from trading.run import Progress, folded, run

_log = logging.getLogger("worker")

_UNWRITABLE = "had a record that could not be written"


STANDING_FRAMES = 10  # within which each standing is written anew: a second of market time


class Runner:
    """Folds frames into one market and shows each snapshot to every hosted deployment, in the order of their slugs.

    In a season of shared liquidity all its deployments are hosted by one runner, which keeps the
    book they share: whenever one of them is due to be saved all are, with the book, as of the same frame.
    One that joins late (it was disabled, or entered the league just now) catches up on a book of
    its own, because what others took meanwhile is not remembered, and shares from then on.
    """

    def __init__(
        self,
        market_name: str,
        evaluations: Evaluations | None = None,
        *,
        season_id: int | None = None,
        book: SharedBook | None = None,
    ) -> None:
        self.market_name = market_name
        self.season_id = season_id
        self.market = Market()
        self.hosted: dict[int, Hosted] = {}
        self.dropped: set[int] = set()  # could not be evaluated, so no longer hosted; its lease is still held
        self.placed: frozenset[int] = frozenset()  # deployments good enough for shadows
        self._evaluations = evaluations or Evaluations()
        self._book = book
        self._failed: list[tuple[Hosted, Exception]] = []  # in the frame at hand
        self._flushed_sequence = 0  # thriftily
        self._shed = Shed.NOTHING
        self.pulse: Callable[[], None] = _nothing  # called after each frame

    @classmethod
    def of(cls, season: Season, evaluations: Evaluations | None = None) -> Runner:
        """Return a runner for the deployments of ``season``, with the book as it was saved if they share one."""
        return cls(season.market, evaluations, season_id=season.pk, book=restored_book(season))

    def anew(self, season: Season) -> Runner:
        """Return a runner for ``season`` in this one's place, with the book as it is saved by now."""
        runner = Runner.of(season, self._evaluations)
        runner.placed, runner.pulse = self.placed, self.pulse
        runner.shed(self._shed, 0.0)
        return runner

    @property
    def sequence(self) -> int:
        """The last frame that was worked through."""
        return self.market.sequence

    def start_at(self, sequence: int | None) -> None:
        """Restore the market as it was at or before ``sequence`` (None: as late as is known)."""
        self.market, _ = market_at(self.market_name, sequence)

    # Frames

    def process(self, frame: Frame) -> None:
        """Work one frame through, whole."""
        self.process_all((frame,))

    def process_all(self, frames: Iterable[Frame]) -> None:
        """Work frames through, each whole; those that may not follow the last one are left out."""
        scenes = folded(frames, self.market)
        run(scenes, self.hosted.values(), self._turn, begin=self._begin, between=self._end)

    def _begin(self, frame: Frame) -> None:
        self._evaluations.begin(frame.sequence)

    def _turn(self, hosted: Hosted, frame: Frame, snapshot: MarketSnapshot) -> None:
        try:
            hosted.note(self._evaluations.process(hosted, hosted.engine, frame, snapshot))
        except Exception as error:
            # Not the strategy but the engine, over what the strategy gave it: the account may be half changed.
            self._failed.append((hosted, error))
            return
        if hosted.shadows.running:
            show = partial(self._evaluations.process, hosted)
            hosted.shadows.process(hosted.engine, frame, snapshot, show)

    def _end(self, _: Progress) -> bool:
        self._evaluations.end(len(self.hosted))
        self.pulse()
        failed, self._failed = self._failed, []
        for hosted, error in failed:
            self.quarantine(hosted, "could not be evaluated", error)
        return True

    def quarantine(self, hosted: Hosted, what: str, error: Exception) -> None:
        """Drop a deployment as its last checkpoint left it, and have no worker run it."""
        summary, traceback = described(error)
        self.hosted.pop(hosted.deployment_id, None)
        self._evaluations.tally.quarantines += 1
        self.dropped.add(hosted.deployment_id)
        about = {"deployment": hosted.engine.terms.slug, "frame": self.sequence}
        _log.error("quarantines a deployment: %s: %s", what, summary, exc_info=error, extra=about)
        quarantine_deployment(deployment_id=hosted.deployment_id, reason=f"{what}: {summary}", detail=traceback)

    # Who is hosted

    def host(self, deployment: Deployment, frames_after: Callable[[int], Iterable[Frame]]) -> None:
        """Take one deployment on.

        Raises:
            Unloadable: with what is wrong.
        """
        for _, error in self.host_all([deployment], frames_after):
            raise error

    def host_all(
        self, deployments: Iterable[Deployment], frames_after: Callable[[int], Iterable[Frame]]
    ) -> list[tuple[Deployment, Unloadable]]:
        """Take deployments on: load their checkpoints, and let them catch up with this market.

        Start-up and crash recovery are this one path. ``frames_after(sequence)`` reads the stream.
        Return those that could not be loaded, with what is wrong.
        """
        rows, loaded, refused = list(deployments), [], []
        kept = Kept.of(rows)
        for deployment in rows:
            try:
                with self._evaluations.blaming(deployment.pk):
                    hosted = load(deployment, kept)
                    self._arrange(hosted)
            except Unloadable as error:
                refused.append((deployment, error))
                continue
            loaded.append(hosted)
        self._catch_up([each for each in loaded if each.engine.sequence < self.market.sequence], frames_after)
        for hosted in loaded:
            if hosted.deployment_id not in self.dropped:
                hosted.shed(self._shed, 0.0)
                self.hosted[hosted.deployment_id] = hosted
                if self._book is not None:
                    self._join(hosted, self._book)
        # Who shares a book is matched in this order; to all others it makes no difference.
        self.hosted = dict(sorted(self.hosted.items(), key=lambda item: item[1].engine.terms.slug))
        return refused

    def _join(self, hosted: Hosted, book: SharedBook) -> None:
        try:
            hosted.take_from(book)
        except Exception as error:
            self.quarantine(hosted, _UNWRITABLE, error)

    def _catch_up(self, late: list[Hosted], frames_after: Callable[[int], Iterable[Frame]]) -> None:
        """Work the frames that the others have had; those that cannot be worked are dropped.

        One market serves all that the stream still reaches. One that it does not reach has a gap, and shares
        the market only with those that start from the same checkpoint of it.
        """
        late = sorted(late, key=lambda hosted: hosted.engine.sequence)
        while late:
            behind = Runner(self.market_name, self._evaluations)
            behind.pulse = self.pulse
            behind.start_at(late[0].engine.sequence)
            frames = iter(frames_after(behind.sequence))
            first = next(frames, None)
            is_whole = first is None or first.sequence == behind.sequence + 1
            others = [each for each in late[1:] if is_whole or self._start_of(each) == behind.sequence]
            together = [late[0], *others]
            late = late[len(together) :]
            behind.hosted = {hosted.deployment_id: hosted for hosted in together}
            missed = chain([first] if first else [], frames)
            behind.process_all(takewhile(lambda frame: frame.sequence <= self.market.sequence, missed))
            self.dropped |= behind.dropped

    def _start_of(self, hosted: Hosted) -> int:
        return checkpoint_before(self.market_name, hosted.engine.sequence)

    def arrange_shadows(self, placed: frozenset[int]) -> None:
        """Begin and end shadows now that these deployments are good enough for them."""
        self.placed = placed
        for hosted in self.hosted.values():
            self._arrange(hosted)

    def _arrange(self, hosted: Hosted) -> None:
        has_place = hosted.deployment_id in self.placed
        are_wanted = not self._shed and wants_shadows(hosted.shadow_choice, has_place=has_place)
        with self._evaluations.blaming(hosted.deployment_id):
            hosted.shadows.arrange(hosted.engine, are_wanted=are_wanted)

    def shed(self, shed: Shed, lag_s: float) -> None:
        """Leave this much undone from the next frame on: the worker is so far behind, or is not any more."""
        self._shed = shed
        for hosted in self.hosted.values():
            hosted.shed(shed, lag_s)
            self._arrange(hosted)

    def reload(self, deployment: Deployment) -> None:
        """Apply the deployment's present config, terms and status; nothing it did is lost.

        Raises:
            Unloadable: with what is wrong; it goes on as before.
        """
        for _, error in self.reload_all([deployment]):
            raise error

    def reload_all(self, deployments: Sequence[Deployment]) -> list[tuple[Deployment, Unloadable]]:
        """Apply the present config, terms and status of deployments; nothing they did is lost.

        Return those that go on as before, with what is wrong with their revision.
        """
        self.flush(only={deployment.pk for deployment in deployments})
        refused = []
        schedules = known_schedules()
        for deployment in deployments:
            hosted = self.hosted.get(deployment.pk)
            if hosted is None:
                continue  # it could not be written, and was dropped
            try:
                self._reload(hosted, deployment, schedules)
            except Unloadable as error:
                refused.append((deployment, error))
        return refused

    def _reload(self, hosted: Hosted, deployment: Deployment, schedules: Schedules) -> None:
        if not hosted.take_status(deployment, schedules):
            try:
                checkpoint = self._checkpoint(hosted)
            except Exception as error:
                self.quarantine(hosted, _UNWRITABLE, error)
                return
            hosted.engine = engine_of(deployment, checkpoint, self._book, schedules=schedules)
            hosted.unsavable = 0
            hosted.shed(self._shed, 0.0)
        hosted.revision, hosted.shadow_choice = deployment.revision, deployment.shadows
        hosted.applied_revisions.append((deployment.revision, hosted.engine.sequence))
        hosted.shadows.follow(hosted.engine)
        self._arrange(hosted)

    def drop(self, *deployment_ids: int) -> None:
        """Write what is left of deployments, in one commit, and host them no longer."""
        self.flush(is_last=True, only=set(deployment_ids))
        for deployment_id in deployment_ids:
            self.hosted.pop(deployment_id, None)

    def _checkpoint(self, hosted: Hosted) -> bytes:
        with self._evaluations.blaming(hosted.deployment_id):
            return hosted.checkpoint()

    def present(self) -> list[Hosted]:
        """Return those who have begun and stand where the market does: it may have been restored as of before."""
        return [h for h in self.hosted.values() if 0 < h.engine.sequence <= self.market.sequence]

    @property
    def is_all_written(self) -> bool:
        """True when every standing is written as it is now: a thrifty flush leaves some for the next one."""
        return all(hosted.shown_sequence >= hosted.engine.sequence for hosted in self.present())

    # What is written

    def flush(self, *, is_last: bool = False, only: Set[int] | None = None, is_thrifty: bool = False) -> set[str]:
        """Commit the facts since the last time, as one; return the slugs that changed.

        ``is_last`` also saves the cursors of those without facts. ``only``: of these deployments; of all who share
        a book nevertheless. ``is_thrifty``: of those with facts, and of the others those whose turn it is, so that
        each is written once a second and saved in time, and no commit writes many of them at once.
        One whose checkpoint or rows cannot be written is quarantined as its last checkpoint left it, and the
        others are written without it.
        """
        begun = self.present()
        if self._book is not None:
            # Saved apart, one of those who share a book would come back as of a frame that is not the book's.
            is_last = is_last or any(hosted.is_due for hosted in begun)
        elif only is not None:
            begun = [hosted for hosted in begun if hosted.deployment_id in only]
        elif is_thrifty:
            begun = self._with_news(begun)
            self._flushed_sequence = self.sequence
        written = []
        for hosted in begun:
            try:
                written.append(self._written(hosted, is_whole=is_last))
            except Exception as error:
                self.quarantine(hosted, _UNWRITABLE, error)
        return self._commit(written, is_whole=is_last)

    def _with_news(self, begun: list[Hosted]) -> list[Hosted]:
        """Return those with facts, and of the others those that were written, or saved, the longest ago."""
        frames = self.sequence - self._flushed_sequence
        quiet = [hosted for hosted in begun if not hosted.has_news]
        shown = _longest_ago(quiet, frames / STANDING_FRAMES, lambda hosted: hosted.shown_sequence)
        saved = _longest_ago(quiet, frames / (CHECKPOINT_FRAMES / 2), lambda hosted: hosted.saved_sequence)
        for hosted in saved:
            hosted.is_to_be_saved = True
        turns = {hosted.deployment_id for hosted in (*shown, *saved)}
        return [hosted for hosted in begun if hosted.deployment_id in turns or hosted.has_news]

    def _written(self, hosted: Hosted, *, is_whole: bool) -> Written:
        """Return what is to be written of a deployment; whatever of it cannot be written fails here, it alone."""
        snapshot = self.market.snapshot()
        with self._evaluations.blaming(hosted.deployment_id):
            checkpoint = hosted.checkpoint() if is_whole or hosted.is_due else None
            shadows = hosted.shadows.updates(with_checkpoint=checkpoint is not None)
            update = hosted.update(checkpoint, snapshot)
            return Written(hosted, update, prepared(update, snapshot.instruments), shadows)

    def _commit(self, written: list[Written], *, is_whole: bool) -> set[str]:
        if not written:
            return set()
        began_s = perf_counter()
        refused: list[tuple[Hosted, Exception]] = []
        try:
            self._write(written, record, is_whole=is_whole)
        except Exception as error:
            if not is_of_the_rows(error):
                raise
            _log.warning("a commit failed, so what cannot be written is looked for: %s", described(error)[0])
            self._write(written, lambda group: refused.extend(self._record_sound(group)), is_whole=is_whole)
        outcomes = (outcome for each in written for outcome in each.hosted.outcomes)
        self._evaluations.tally.note_written(outcomes, perf_counter() - began_s)
        for hosted, why in refused:
            self.quarantine(hosted, _UNWRITABLE, why)
        saved = [each for each in written if each.hosted.deployment_id in self.hosted]
        changed = {h.engine.terms.slug for h, *_ in saved if h.outcomes or h.marks or h.commands}
        for each in saved:
            each.hosted.were_written(each.update)
        return changed

    def _write(self, written: list[Written], write: Callable[[list[Written]], None], *, is_whole: bool) -> None:
        with transaction.atomic():
            write(written)
            if self._book is not None and is_whole:
                assert self.season_id is not None, "a book is shared by the deployments of a season"
                record_book(season_id=self.season_id, sequence=self.market.sequence, book=self._book)

    def _record_sound(self, group: list[Written]) -> list[tuple[Hosted, Exception]]:
        """Write a group, or the halves of it that the database takes; return those it refuses, each alone."""
        try:
            with transaction.atomic():
                record(group)
        except Exception as error:
            if not is_of_the_rows(error):
                raise
            for each in group:
                each.hosted.forget_recorded()
            if len(group) == 1:
                return [(group[0].hosted, error)]
            middle = len(group) // 2
            return [*self._record_sound(group[:middle]), *self._record_sound(group[middle:])]
        return []


def _longest_ago(quiet: list[Hosted], share: float, when: Callable[[Hosted], int]) -> list[Hosted]:
    """Return this share of deployments, those of the lowest ``when`` first."""
    return nsmallest(ceil(len(quiet) * share), quiet, key=when)


def _nothing() -> None:
    """Do nothing after a frame."""
