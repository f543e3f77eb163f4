"""A worker: claims deployments, works frames through, commits the facts."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Collection, Sequence
from functools import partial

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from marketdata import bus
from marketdata.market_names import is_recording
from marketdata.telemetry import pulse, tracing
from marketdata.telemetry.reporting import Reporter
from portfolios.models import Checkpoint, Liquidity, Season
from portfolios.outbox.announcements import Announcer
from portfolios.rows.liquidity import book_cursor
from strategies.deployments import services
from strategies.deployments.selectors import traded
from strategies.deployments.services import note_versions
from strategies.deployments.status import NOT_HOSTED
from strategies.models import Deployment, Worker
from strategies.seasons import open_season
from strategies.warden.life import WorkerLife, WorkerState
from strategies.worker import leases
from strategies.worker.commands import apply_commands
from strategies.worker.costs import record_costs
from strategies.worker.evaluations import Evaluations
from strategies.worker.hosting import Unloadable
from strategies.worker.metrics import WardenMetrics, WorkerMetrics
from strategies.worker.runner import Runner
from strategies.worker.shadows import placed_deployments

HOUSEKEEPING_S = 1.0
FLUSH_S = 0.25  # facts reach the database and the page within this
STANDING_S = 1.0  # and marks without facts within this
COSTS_S = 5.0
SHADOWS_S = 5.0
BLOCK_MS = 100
BATCH = 500  # frames between two reads of the clock

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
        self._shares_book = False  # holds the lease on a season whose deployments share one
        self._untradable: dict[int, str] = {}  # deployment -> why its version cannot be loaded here, as last logged
        self._unloadable: dict[int, int] = {}  # deployment -> the revision that could not be taken on
        self._flushed_sequence = 0
        self._flushed_at = self._kept_at = self._stood_at = self._placed_at = self._counted_at = 0.0

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
            if time.monotonic() - self._kept_at >= HOUSEKEEPING_S:
                self._keep_house()
                self._kept_at = time.monotonic()
            if self._runner is None or not self._runner.hosted:
                time.sleep(0.1)  # nothing to do until a market or a lease is there
                continue
            before = self._runner.sequence
            frames = bus.follow(self._runner.market_name, before, BLOCK_MS, BATCH)
            for frame in frames:
                with tracing.span("work", links=[(self._runner.market_name, frame.sequence)]):
                    self._runner.process(frame)
                self._flush_when_due()
            self._flush_when_due()
            if frames and self._runner.sequence == before:
                time.sleep(BLOCK_MS / 1_000)  # all left out until a keyframe comes: the same ones would be read at once
        self._leave()
        for reporter in reporters:
            reporter.stop()

    def _report(self) -> list[Reporter]:
        """Report our own numbers and the warden's, and add deployment and frame to each line that is logged."""
        bind_contextvars(at=self._evaluations.whereabouts)
        reporters = [Reporter("worker", self._metrics.collect)]
        if self._warden is not None:
            warden = WardenMetrics(self._evaluations.box)
            reporters.append(Reporter("warden", warden.collect, process_id=self._warden))
        return [reporter.start() for reporter in reporters]

    def _register(self) -> Worker:
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
        now = time.monotonic()
        if now - self._flushed_at < FLUSH_S:
            return
        has_facts = any(hosted.outcomes for hosted in self._runner.hosted.values())
        if has_facts or now - self._stood_at >= STANDING_S:
            market, until = self._runner.market_name, self._runner.sequence
            links = (
                (market, sequence)
                for sequence in range(max(self._flushed_sequence, until - tracing.MOST_LINKS) + 1, until + 1)
            )
            with tracing.span("write", links=links):
                changed = self._runner.flush()
                self._flushed_at, self._stood_at, self._flushed_sequence = now, now, until
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
        self._apply_revisions()
        if time.monotonic() - self._placed_at >= SHADOWS_S:
            self._arrange_shadows(season)
        if season.liquidity == Liquidity.SHARED:
            self._take_all(season)
        else:
            self._share_out(season)
        self._write_up()

    def _write_up(self) -> None:
        """Carry out commands, and write costs and the heartbeat."""
        runner = self._hosting
        self._evaluations.box.note_hosted(runner.hosted)
        if changed := apply_commands(runner):
            self._announcer.announce(changed)
        if time.monotonic() - self._counted_at >= COSTS_S:
            record_costs({hosted.deployment_id: hosted.meter for hosted in runner.hosted.values()})
            self._counted_at = time.monotonic()
        Worker.objects.filter(pk=self._row.pk).update(
            heartbeat_at=timezone.now(), deployments=len(runner.hosted), sequence=runner.sequence
        )

    @property
    def _hosting(self) -> Runner:
        assert self._runner is not None, "read only while there is a market"
        return self._runner

    def _change_season(self, season: Season) -> None:
        self._release_all()
        self._runner = Runner.of(season, self._evaluations)
        self._placed_at = 0.0
        _log.info("season %s on %s, %s liquidity", season.number, season.market, season.liquidity)

    def _release_all(self) -> None:
        """Write what is left, and give every lease up."""
        runner = self._runner
        if runner is None:
            return
        runner.flush(is_last=True)
        for deployment_id in [*runner.hosted, *runner.dropped]:
            leases.release(deployment_id)
        runner.dropped.clear()
        if self._shares_book and runner.season_id is not None:
            leases.release_season(runner.season_id)
            self._shares_book = False

    def _arrange_shadows(self, season: Season) -> None:
        self._hosting.arrange_shadows(placed_deployments(season))
        self._placed_at = time.monotonic()

    def _apply_revisions(self) -> None:
        runner = self._hosting
        while runner.dropped:
            leases.release(runner.dropped.pop())
        rows = {row.pk: row for row in Deployment.objects.select_related("account").filter(pk__in=list(runner.hosted))}
        for deployment_id, hosted in list(runner.hosted.items()):
            row = rows.get(deployment_id)
            is_ours = row is not None and row.status not in NOT_HOSTED
            if row is None or not is_ours or row.account_id != hosted.account_id or not self._can_load(row):
                self._give_up(deployment_id)
            elif row.revision != hosted.revision:
                self._go_on(row)

    def _go_on(self, row: Deployment) -> None:
        try:
            self._hosting.reload(row)
        except Unloadable as error:
            self._give_up(row.pk)
            self._note_unloadable(row, error)
        else:
            _log.info("goes on with a deployment's revision %s (%s)", row.revision, row.status, extra=_about(row))

    # Who is hosted

    def _share_out(self, season: Season) -> None:
        runner = self._hosting
        wanted = _workable(season, self._evaluations.box.held_back)
        share = leases.fair_share(wanted.count(), len(leases.living_workers()))
        self._give_up(*sorted(runner.hosted)[share:])
        if len(runner.hosted) >= share:
            return
        taken = set(leases.leased_deployments())
        claimed: list[Deployment] = []
        for row in wanted:
            if len(runner.hosted) + len(claimed) >= share:
                break
            if row.pk not in taken and self._can_load(row) and leases.claim(row.pk):
                claimed.append(row)
        if claimed and not runner.hosted:
            runner.start_at(_cursor(claimed[0]))
        self._host(claimed)

    def _take_all(self, season: Season) -> None:
        """Take on all that share the season's book, or none while another worker has any."""
        self._shares_book = self._shares_book or leases.claim_season(season.pk)
        if not self._shares_book:
            return
        runner, held_back = self._hosting, self._evaluations.box.held_back
        missing = [row for row in _workable(season, held_back) if row.pk not in runner.hosted and self._can_load(row)]
        claimed = [row for row in missing if leases.claim(row.pk)]
        if not runner.hosted and len(claimed) < len(missing):
            # A worker has yet to leave the season before; one that came later would not share from the beginning.
            for row in claimed:
                leases.release(row.pk)
            return
        if claimed and not runner.hosted:
            # The worker that had them until now has written since this one last read the book.
            runner = self._runner = Runner.of(season, self._evaluations)
            self._arrange_shadows(season)
            runner.start_at(book_cursor(season) or min(row.account.first_sequence for row in claimed if row.account))
        self._host(claimed)

    def _can_load(self, deployment: Deployment) -> bool:
        """Return whether it can be taken on as it is now; why its version cannot be loaded here is logged once."""
        if self._unloadable.get(deployment.pk) == deployment.revision:
            return False
        _, missing = traded(deployment)
        if missing and self._untradable.get(deployment.pk) != missing:
            _log.error("does not take a deployment on: %s", missing, extra=_about(deployment))
        self._untradable[deployment.pk] = missing
        return not missing

    def _host(self, claimed: Sequence[Deployment]) -> None:
        """Take on deployments whose leases are held; give the lease of one back that cannot be."""
        runner = self._hosting
        # Before they are in its hands: whoever ends it while it takes them on is among those that it held.
        self._evaluations.box.note_hosted([*runner.hosted, *(row.pk for row in claimed)])
        for row, error in runner.host_all(claimed, partial(bus.read, runner.market_name)):
            leases.release(row.pk)
            self._note_unloadable(row, error)
        for row in claimed:
            if row.pk not in runner.hosted:
                continue  # it could not be worked up to the present, and was dropped
            orders = runner.hosted[row.pk].engine.open_orders
            _log.info("takes a deployment on, with %s open orders", len(orders), extra=_about(row))

    def _note_unloadable(self, row: Deployment, error: Unloadable) -> None:
        _log.error("cannot take a deployment on: %s", error, extra=_about(row))
        self._unloadable[row.pk] = row.revision
        services.note_unloadable(deployment=row, error=str(error))

    def _give_up(self, *deployment_ids: int) -> None:
        if deployment_ids:
            self._hosting.drop(*deployment_ids)
        for deployment_id in deployment_ids:
            leases.release(deployment_id)


def _about(row: Deployment) -> dict[str, object]:
    """Return the field by which lines about a deployment are found."""
    return {"deployment": row.slug}


def _workable(season: Season, held_back: Collection[int]) -> QuerySet[Deployment]:
    """Return the deployments of ``season`` that some worker should hold, but for those that this one does without."""
    workable = Deployment.objects.exclude(status__in=NOT_HOSTED)
    if held_back:
        workable = workable.exclude(pk__in=held_back)
    in_season = workable.filter(account__season=season, account__closed_at=None)
    return in_season.select_related("account__season").order_by("pk")


def _cursor(deployment: Deployment) -> int | None:
    """Return the frame the deployment has been worked up to; None when the newest market will do."""
    account = deployment.account
    assert account is not None, "only deployments with an account are claimed"
    stored = Checkpoint.objects.filter(account=account).values_list("sequence", flat=True).first()
    if stored is not None:
        return stored
    # A recording is worked from its beginning; a live market from now.
    return account.first_sequence if account.first_sequence or is_recording(account.season.market) else None
