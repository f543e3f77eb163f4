"""A worker: claims deployments, works frames through, commits the facts."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import deque

import redis
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from marketdata import bus
from marketdata.market_names import is_recording
from marketdata.telemetry import pulse, tracing
from marketdata.telemetry.reporting import Reporter
from portfolios.models import Liquidity, Season
from portfolios.outbox.announcements import Announcer
from strategies.deployments.services import note_versions
from strategies.models import Worker
from strategies.seasons import open_season
from strategies.warden.life import WorkerLife, WorkerState
from strategies.worker import leases
from strategies.worker.commands import apply_commands
from strategies.worker.costs import record_costs
from strategies.worker.evaluations import Evaluations
from strategies.worker.holdings import Holdings
from strategies.worker.lifeline import SILENT_FOR_S, Lifeline
from strategies.worker.metrics import WardenMetrics, WorkerMetrics
from strategies.worker.pace import Pace
from strategies.worker.runner import Runner
from strategies.worker.shadows import placed_deployments
from strategies.worker.shedding import Shedding
from trading.frames import FRAME_INTERVAL_MS, Frame

HOUSEKEEPING_S = 1.0  # whatever is still to be worked: commands and revisions wait no longer
COSTS_S = 5.0
SHADOWS_S = 5.0
BLOCK_MS = 100
BATCH = 500  # frames read at once
WITHOUT_REDIS_S = 6.0  # then what is held is given up: another worker may reach it
TRY_AGAIN_S = 0.5

_log = logging.getLogger("worker")


class WorkerLoop:
    """One worker process."""

    def __init__(self, evaluations: Evaluations, warden: int | None = None) -> None:
        """``warden``: the process that watches this one."""
        self._warden = warden
        self._life = WorkerLife()
        self._runner: Runner | None = None
        self._evaluations = evaluations
        self._announcer = Announcer()
        self._metrics = WorkerMetrics(evaluations.tally)
        self._holdings = Holdings(evaluations.box)
        self._lifeline = Lifeline(None if warden is None else _silent_s())
        self._pace = Pace()
        self._kept_sequence = 0  # of the market, when house was kept last
        self._shedding = Shedding()
        self._read: deque[Frame] = deque()  # and not worked yet
        self._answered_s = time.monotonic()  # when Redis answered last
        self._is_without_redis = False
        self._uncommitted: list[int] = []  # frames worked since the last commit
        self._kept_at = self._placed_at = self._counted_at = 0.0

    def stop(self, *_: object) -> None:
        """Finish the frame at hand, commit, and leave."""
        self._life.stop()

    def run(self) -> None:
        """Work until it is stopped; an error, such as a lost database, ends it with what was not committed."""
        try:
            self._run()
        except BaseException:
            self._life.become(WorkerState.LOST)
            raise

    def _run(self) -> None:
        self._row = self._register()
        reporters = self._report()
        self._life.begin()
        _log.info("ready as %s", self._row.name)
        while self._life.is_running:
            self._evaluations.box.beat()
            pulse.beat()  # of a worker without a warden
            try:
                self._work()
                self._note_redis()
            except redis.RedisError as error:
                self._wait_for_redis(error)
        self._leave()
        for reporter in reporters:
            reporter.stop()

    def _work(self) -> None:
        """Keep house when it is time, and work frames until it is time again."""
        if time.monotonic() - self._kept_at >= HOUSEKEEPING_S:
            self._keep_house()
            self._kept_at = time.monotonic()
        runner = self._runner
        if runner is None or not runner.hosted:
            time.sleep(0.1)  # nothing to do until a market or a lease is there
            return
        before = runner.sequence
        frames = self._frames_after(runner)
        while self._read and self._life.is_running and time.monotonic() - self._kept_at < HOUSEKEEPING_S:
            frame = self._read.popleft()
            with tracing.span("work", links=[(runner.market_name, frame.sequence)]):
                runner.process(frame)
            self._uncommitted.append(frame.sequence)
            self._flush_when_due()
        self._flush_when_due()
        if frames and runner.sequence == before:
            time.sleep(BLOCK_MS / 1_000)  # all left out until a keyframe comes: the same ones would be read at once

    def _frames_after(self, runner: Runner) -> bool:
        """Have the next frames at hand; return whether any were read now."""
        if self._read and self._read[0].sequence > runner.sequence:
            return False
        # What was read for a market that has changed, or was restored as of before, is read anew.
        self._read = deque(bus.follow(runner.market_name, runner.sequence, BLOCK_MS, BATCH))
        return bool(self._read)

    # Without Redis

    def _note_redis(self) -> None:
        self._answered_s = time.monotonic()
        if self._is_without_redis:
            self._is_without_redis = False
            _log.info("Redis answers again")

    def _wait_for_redis(self, error: redis.RedisError) -> None:
        """Hold what is held for a moment; give it up when Redis stays away, for a worker that it answers."""
        if not self._is_without_redis:
            self._is_without_redis = True
            _log.warning("Redis does not answer, waits for it: %s", error)
        runner = self._runner
        if runner is not None and runner.hosted and time.monotonic() - self._answered_s >= WITHOUT_REDIS_S:
            _log.error(
                "Redis has not answered for %.0f s: gives its deployments up", time.monotonic() - self._answered_s
            )
            self._release_all()
            self._runner = None
        elif runner is not None:
            self._flush_when_due()
        self._note_life()
        time.sleep(TRY_AGAIN_S)

    def _report(self) -> list[Reporter]:
        """Report our own numbers and the warden's, and add deployment and frame to each line that is logged."""
        bind_contextvars(at=self._evaluations.whereabouts)
        reporters = [Reporter("worker", self._metrics.collect)]
        if self._warden is not None:
            warden = WardenMetrics(self._evaluations.box)
            reporters.append(Reporter("warden", warden.collect, process_id=self._warden))
        return [reporter.start() for reporter in reporters]

    def _register(self) -> Worker:
        self._lifeline.tie()
        now = timezone.now()
        # In this order: a worker known by now was among the living before its row could be seen.
        known = set(Worker.objects.values_list("pk", flat=True))
        Worker.objects.filter(pk__in=known - set(leases.living_workers())).delete()
        name = f"{socket.gethostname()}-{os.getpid()}-{now:%H%M%S%f}"
        with transaction.atomic():
            row = Worker.objects.create(name=name, started_at=now, heartbeat_at=now)
            leases.register_worker(row.pk)
        return row

    def _leave(self) -> None:
        self._release_all()
        Worker.objects.filter(pk=self._row.pk).delete()
        connection.close()
        self._life.end(is_whole=True)
        _log.info("left; all is written")

    def _flush_when_due(self) -> None:
        assert self._runner is not None, "called only while there is a market"
        began = time.monotonic()
        if not self._uncommitted or not self._pace.is_due(began):
            return
        market = self._runner.market_name
        links = ((market, sequence) for sequence in self._uncommitted[-tracing.MOST_LINKS :])
        with tracing.span("write", links=links):
            changed = self._runner.flush(is_thrifty=True)
            self._pace.ended(began, time.monotonic())
            if not is_recording(market):
                self._evaluations.tally.note_committed(self._uncommitted, time.time())
            self._uncommitted.clear()
            if changed:
                with tracing.span("announce"):
                    self._announcer.announce(changed)

    # Once a second

    def _keep_house(self) -> None:
        """Follow the season, apply revisions, claim or give up leases, write the heartbeat."""
        note_versions()
        self._metrics.runner = self._runner
        market = bus.current_market()
        season = Season.objects.filter(ended_at=None).first()
        if market is not None and (season is None or season.market != market):
            season = open_season(market=market)
        if season is None:
            return
        if self._runner is None or self._runner.season_id != season.pk:
            self._change_season(season)
        self._holdings.apply_revisions(self._hosting)
        if time.monotonic() - self._placed_at >= SHADOWS_S:
            self._arrange_shadows(season)
        if season.liquidity == Liquidity.SHARED:
            self._runner = self._holdings.take_all(self._hosting, season)
            self._metrics.runner = self._runner
        else:
            self._holdings.share_out(self._hosting, season)
        self._write_up()

    def _write_up(self) -> None:
        """Carry out commands, and write costs, lag and the heartbeat."""
        runner = self._hosting
        self._evaluations.box.note_hosted(runner.hosted)
        if changed := apply_commands(runner):
            self._announcer.announce(changed)
        self._settle()
        if time.monotonic() - self._counted_at >= COSTS_S:
            record_costs({hosted.deployment_id: hosted.meter for hosted in runner.hosted.values()})
            self._counted_at = time.monotonic()
        self._shed()
        self._note_life()

    def _settle(self) -> None:
        """Write what the last commits left for the next, once no frame has come for a second: there may be no next."""
        runner = self._hosting
        is_silent, self._kept_sequence = runner.sequence == self._kept_sequence, runner.sequence
        if is_silent and not self._uncommitted and not runner.is_all_written:
            self._announcer.announce(runner.flush())

    def _shed(self) -> None:
        """Leave more undone, or less, if the lag says so."""
        runner = self._hosting
        behind = bus.latest_sequence(runner.market_name) - runner.sequence if runner.hosted else 0
        self._metrics.behind = max(0, behind)
        lag_s = self._metrics.behind * FRAME_INTERVAL_MS / 1_000
        if is_recording(runner.market_name):
            return  # it waits for nobody, and nobody waits for it
        if self._shedding.measure(lag_s):
            shed = self._shedding.shed
            _log.warning("is %.1f s behind: %s", lag_s, shed.words or "nothing is left undone any more")
            runner.shed(shed, lag_s)

    def _note_life(self) -> None:
        """Write the heartbeat, and how far the worker is."""
        runner = self._runner
        Worker.objects.filter(pk=self._row.pk).update(
            heartbeat_at=timezone.now(),
            deployments=len(runner.hosted) if runner else 0,
            sequence=runner.sequence if runner else 0,
            lag_ms=self._metrics.behind * FRAME_INTERVAL_MS if runner and not is_recording(runner.market_name) else 0,
            shed=self._shedding.shed,
        )

    @property
    def _hosting(self) -> Runner:
        assert self._runner is not None, "read only while there is a market"
        return self._runner

    def _change_season(self, season: Season) -> None:
        self._release_all()
        self._runner = self._metrics.runner = Runner.of(season, self._evaluations)
        self._runner.pulse = self._pulse
        self._runner.shed(self._shedding.shed, 0.0)
        self._placed_at = 0.0
        _log.info("season %s on %s, %s liquidity", season.number, season.market, season.liquidity)

    def _pulse(self) -> None:
        """Show that the worker works, also while it takes deployments on: that may be many frames."""
        self._evaluations.box.beat()
        if self._lifeline.is_pulse_due():
            Worker.objects.filter(pk=self._row.pk).update(heartbeat_at=timezone.now())

    def _release_all(self) -> None:
        """Write what is left, and give every lease up."""
        if self._runner is not None:
            self._holdings.release_all(self._runner)

    def _arrange_shadows(self, season: Season) -> None:
        if not self._shedding.shed:
            self._hosting.arrange_shadows(placed_deployments(season))
        self._placed_at = time.monotonic()


def _silent_s() -> float:
    """Return for how long the database may hear nothing of a worker: a strategy that hangs is the warden's to end."""
    return max(SILENT_FOR_S, settings.PADDOCK_HANG_LIMIT_MS / 1_000 + 5)
