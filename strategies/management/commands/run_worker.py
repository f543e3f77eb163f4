"""A worker: claims deployments, works frames through, commits what happened. Any number, on any machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection
from django.utils import timezone

from marketdata import bus
from marketdata.sources import is_recording
from portfolios.announcements import Announcer
from portfolios.models import Checkpoint, Season
from strategies import leases, services
from strategies.blackbox import BlackBox
from strategies.costs import record_costs
from strategies.evaluations import Evaluations
from strategies.models import Deployment, DeploymentStatus, Worker
from strategies.runner import Runner, Unloadable
from strategies.services import open_season
from strategies.warden import INTERRUPT, Warden
from strategies.watch import Limits

HOUSEKEEPING_S = 1.0
FLUSH_S = 0.25  # facts reach the database and the page within this
STANDING_S = 1.0  # and marks without facts within this
COSTS_S = 5.0
BLOCK_MS = 100
BATCH = 500  # frames between two looks at the clock
NOT_WORKED = (DeploymentStatus.DISABLED, DeploymentStatus.QUARANTINED)

_log = logging.getLogger("worker")


class Command(BaseCommand):
    """Evaluate strategies on the live frames until SIGTERM."""

    help = "Work deployments: evaluate strategies on market frames and write their orders, fills and positions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what a debugger needs."""
        parser.add_argument(
            "--no-warden", action="store_true", help="work in this process; nothing bounds a strategy's time and memory"
        )

    def handle(self, *args: Any, no_warden: bool, **options: Any) -> None:
        if no_warden:
            work(Evaluations())
            return
        limits = Limits(
            budget_s=settings.PADDOCK_EVALUATION_BUDGET_MS / 1_000,
            hang_s=settings.PADDOCK_HANG_LIMIT_MS / 1_000,
            memory_bytes=settings.PADDOCK_WORKER_MEMORY_MB * 2**20,
        )

        def watched(box: BlackBox) -> None:
            work(Evaluations(box, limits.budget_s, limits.memory_bytes))

        try:
            code = Warden(limits, watched, quarantine).run()
        except OperationalError as error:
            raise SystemExit(f"worker: nobody could be quarantined, the database is gone: {error}") from None
        raise SystemExit(code)


def work(evaluations: Evaluations) -> None:
    """Evaluate strategies until told to stop."""
    worker = WorkerLoop(evaluations)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    signal.signal(INTERRUPT, evaluations.interrupt)
    try:
        worker.run()
    except OperationalError as error:
        # The leases went with the connection: another worker may hold them by now.
        raise SystemExit(f"worker: the database is gone, and with it the leases: {error}") from None


def quarantine(deployment_id: int, sentence: str, detail: str) -> None:
    """Write who harmed the worker; the connection is for that alone, no worker may inherit it."""
    try:
        services.quarantine_deployment(deployment_id=deployment_id, reason=sentence, detail=detail)
    finally:
        connection.close()


class WorkerLoop:
    """One worker process."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._is_stopping = False
        self._runner: Runner | None = None
        self._evaluations = evaluations
        self._announcer = Announcer()
        self._flushed_at = self._kept_at = self._stood_at = self._counted_at = 0.0
        self._unloadable: dict[int, int] = {}  # deployment -> the revision that could not be taken on

    def stop(self, *_: object) -> None:
        """Finish the frame at hand, commit, and leave."""
        self._is_stopping = True

    def run(self) -> None:
        """Work until told to stop."""
        self._row = self._register()
        _log.info("ready as %s", self._row.name)
        while not self._is_stopping:
            if time.monotonic() - self._kept_at >= HOUSEKEEPING_S:
                self._keep_house()
                self._kept_at = time.monotonic()
            if self._runner is None or not self._runner.hosted:
                time.sleep(0.1)  # nothing to do until a market or a lease is there
                continue
            for frame in bus.follow(self._runner.market_name, self._runner.sequence, BLOCK_MS, BATCH):
                self._runner.process(frame)
                self._flush_when_due()
            self._flush_when_due()
        self._leave()

    def _register(self) -> Worker:
        now = timezone.now()
        Worker.objects.exclude(pk__in=leases.living_workers()).delete()
        name = f"{socket.gethostname()}-{os.getpid()}-{now:%H%M%S%f}"
        row = Worker.objects.create(name=name, started_at=now, heartbeat_at=now)
        leases.register_worker(row.pk)
        return row

    def _leave(self) -> None:
        if self._runner is not None:
            self._runner.flush(is_last=True)
            for deployment_id in list(self._runner.hosted):
                leases.release(deployment_id)
        Worker.objects.filter(pk=self._row.pk).delete()
        connection.close()
        _log.info("left; all is written")

    def _flush_when_due(self) -> None:
        assert self._runner is not None, "asked only while there is a market"
        now = time.monotonic()
        if now - self._flushed_at < FLUSH_S:
            return
        has_facts = any(hosted.outcomes for hosted in self._runner.hosted.values())
        if has_facts or now - self._stood_at >= STANDING_S:
            changed = self._runner.flush()
            self._flushed_at = self._stood_at = now
            if changed:
                self._announcer.announce(changed)

    def _keep_house(self) -> None:
        """Once a second: follow the market, obey changes, claim or give up leases, say that we live."""
        market = bus.current_market()
        season = Season.objects.filter(ended_at=None).first()
        if market is not None and (season is None or season.market != market):
            season = open_season(market=market)
        if season is None:
            return
        if self._runner is None or self._runner.market_name != season.market:
            self._change_market(season.market)
        self._obey_changes()
        self._share_out(season)
        runner = self._runner
        assert runner is not None, "a season has a market"
        if time.monotonic() - self._counted_at >= COSTS_S:
            record_costs({hosted.deployment_id: hosted.meter for hosted in runner.hosted.values()})
            self._counted_at = time.monotonic()
        Worker.objects.filter(pk=self._row.pk).update(
            heartbeat_at=timezone.now(), deployments=len(runner.hosted), sequence=runner.sequence
        )

    def _change_market(self, market: str) -> None:
        if self._runner is not None:
            self._runner.flush(is_last=True)
            for deployment_id in list(self._runner.hosted):
                leases.release(deployment_id)
        self._runner = Runner(market, self._evaluations)
        _log.info("market is %s", market)

    def _obey_changes(self) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        while runner.let_go:
            leases.release(runner.let_go.pop())
        rows = {row.pk: row for row in Deployment.objects.select_related("account").filter(pk__in=list(runner.hosted))}
        for deployment_id, hosted in list(runner.hosted.items()):
            row = rows.get(deployment_id)
            if row is None or row.status in NOT_WORKED or row.account_id != hosted.account_id:
                self._give_up(deployment_id)
            elif row.revision != hosted.revision:
                self._go_on(row)

    def _go_on(self, row: Deployment) -> None:
        assert self._runner is not None, "asked only while there is a market"
        try:
            self._runner.reload(row)
        except Unloadable as error:
            self._give_up(row.pk)
            self._note_unloadable(row, error)
        else:
            _log.info("%s goes on with revision %s (%s)", row.slug, row.revision, row.status)

    def _note_unloadable(self, row: Deployment, error: Unloadable) -> None:
        _log.error("%s cannot be taken on: %s", row.slug, error)
        self._unloadable[row.pk] = row.revision
        services.note_unloadable(deployment=row, error=str(error))

    def _share_out(self, season: Season) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        wanted = Deployment.objects.exclude(status__in=NOT_WORKED).filter(
            account__season=season, account__closed_at=None
        )
        share = leases.fair_share(wanted.count(), len(leases.living_workers()))
        for deployment_id in sorted(runner.hosted)[share:]:
            self._give_up(deployment_id)
        if len(runner.hosted) >= share:
            return
        taken = set(leases.leased_deployments())
        for row in wanted.select_related("account__season").order_by("pk"):
            if len(runner.hosted) >= share:
                break
            if row.pk in taken or self._unloadable.get(row.pk) == row.revision or not leases.claim(row.pk):
                continue
            try:
                self._take_on(row)
            except Unloadable as error:
                leases.release(row.pk)
                self._note_unloadable(row, error)

    def _take_on(self, deployment: Deployment) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        if not runner.hosted:
            runner.start_at(_cursor(deployment))
        runner.host(deployment, partial(bus.read, runner.market_name))
        if deployment.pk not in runner.hosted:
            return  # it could not be worked up to the present, and was let go
        resumed = runner.hosted[deployment.pk].engine
        count = len(resumed.exchange.state.orders)
        _log.info("took on %s at frame %s with %s open orders", deployment.slug, resumed.state.sequence, count)

    def _give_up(self, deployment_id: int) -> None:
        assert self._runner is not None, "asked only while there is a market"
        self._runner.drop(deployment_id)
        leases.release(deployment_id)


def _cursor(deployment: Deployment) -> int | None:
    """Return the frame the deployment has been worked up to; None when the newest market will do."""
    account = deployment.account
    assert account is not None, "only deployments with an account are claimed"
    stored = Checkpoint.objects.filter(account=account).values_list("sequence", flat=True).first()
    if stored is not None:
        return stored
    # A recording begins at its beginning, whoever watches; a live market begins now.
    return account.first_sequence if account.first_sequence or is_recording(account.season.market) else None
