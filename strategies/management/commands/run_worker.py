"""A worker: claims deployments, works frames through, commits what happened. Any number, on any machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.utils import timezone

from marketdata import bus
from marketdata.sources import is_recording
from portfolios.announcements import Announcer
from portfolios.liquidity import book_cursor
from portfolios.models import Checkpoint, Liquidity, Season
from strategies import leases
from strategies.models import Deployment, DeploymentStatus, Worker
from strategies.paying import apply_payments
from strategies.runner import Runner
from strategies.selectors import traded
from strategies.services import note_versions, open_season
from strategies.shadows import placed_deployments

HOUSEKEEPING_S = 1.0
FLUSH_S = 0.25  # facts reach the database and the page within this
SHADOWS_S = 5.0  # between two looks at who is good enough for shadows
STANDING_S = 1.0  # and marks without facts within this
BLOCK_MS = 100
BATCH = 500  # frames between two looks at the clock

_log = logging.getLogger("worker")


class Command(BaseCommand):
    """Evaluate strategies on the live frames until SIGTERM."""

    help = "Work deployments: evaluate strategies on market frames and write their orders, fills and positions."

    def handle(self, *args: Any, **options: Any) -> None:
        worker = WorkerLoop()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        try:
            worker.run()
        except OperationalError as error:
            # The leases went with the connection: another worker may hold them by now.
            raise SystemExit(f"worker: the database is gone, and with it the leases: {error}") from None


class WorkerLoop:
    """One worker process."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._runner: Runner | None = None
        self._announcer = Announcer()
        self._shares_book = False  # holds the lease on a season whose deployments share one
        self._untradable: dict[int, str] = {}  # deployment -> why its version cannot be loaded here, as last told
        self._flushed_at = self._kept_at = self._stood_at = self._placed_at = 0.0

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
        self._leave()

    def _register(self) -> Worker:
        now = timezone.now()
        Worker.objects.exclude(pk__in=leases.living_workers()).delete()
        name = f"{socket.gethostname()}-{os.getpid()}-{now:%H%M%S%f}"
        row = Worker.objects.create(name=name, started_at=now, heartbeat_at=now)
        leases.register_worker(row.pk)
        return row

    def _leave(self) -> None:
        self._let_go()
        Worker.objects.filter(pk=self._row.pk).delete()
        connection.close()
        _log.info("left; all is written")

    def _flush_when_due(self) -> None:
        assert self._runner is not None, "asked only while there is a market"
        now = time.monotonic()
        has_facts = any(hosted.outcomes for hosted in self._runner.hosted.values())
        if now - self._stood_at >= STANDING_S or (has_facts and now - self._flushed_at >= FLUSH_S):
            changed = self._runner.flush()
            self._flushed_at = self._stood_at = now
            if changed:
                self._announcer.announce(changed)

    def _keep_house(self) -> None:
        """Once a second: follow the market, obey changes, claim or give up leases, say that we live."""
        note_versions()
        market = bus.current_market()
        season = Season.objects.filter(ended_at=None).first()
        if market is not None and (season is None or season.market != market):
            season = open_season(market=market)
        if season is None:
            return
        if self._runner is None or self._runner.season_id != season.pk:
            self._change_season(season)
        self._obey_changes()
        if time.monotonic() - self._placed_at >= SHADOWS_S:
            self._arrange_shadows(season)
        if season.liquidity == Liquidity.SHARED:
            self._take_all(season)
        else:
            self._share_out(season)
        runner = self._runner
        assert runner is not None, "a season has a market"
        if paid := apply_payments(runner):
            self._announcer.announce(paid)
        Worker.objects.filter(pk=self._row.pk).update(
            heartbeat_at=timezone.now(), deployments=len(runner.hosted), sequence=runner.sequence
        )

    def _change_season(self, season: Season) -> None:
        self._let_go()
        self._runner = Runner.of(season)
        self._placed_at = 0.0
        _log.info("season %s on %s, %s liquidity", season.number, season.market, season.liquidity)

    def _let_go(self) -> None:
        """Write what is left, and give every lease up."""
        runner = self._runner
        if runner is None:
            return
        runner.flush(is_last=True)
        for deployment_id in list(runner.hosted):
            leases.release(deployment_id)
        if self._shares_book and runner.season_id is not None:
            leases.release_season(runner.season_id)
            self._shares_book = False

    def _arrange_shadows(self, season: Season) -> None:
        assert self._runner is not None, "asked only while there is a market"
        self._runner.arrange_shadows(placed_deployments(season))
        self._placed_at = time.monotonic()

    def _obey_changes(self) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        rows = {row.pk: row for row in Deployment.objects.select_related("account").filter(pk__in=list(runner.hosted))}
        for deployment_id, hosted in list(runner.hosted.items()):
            row = rows.get(deployment_id)
            is_ours = row is not None and row.status != DeploymentStatus.DISABLED
            if row is None or not is_ours or row.account_id != hosted.account_id or not self._can_load(row):
                self._give_up(deployment_id)
            elif row.revision != hosted.revision:
                runner.reload(row)
                _log.info("%s goes on with revision %s (%s)", row.slug, row.revision, row.status)

    def _share_out(self, season: Season) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        wanted = _workable(season)
        share = leases.fair_share(wanted.count(), len(leases.living_workers()))
        for deployment_id in sorted(runner.hosted)[share:]:
            self._give_up(deployment_id)
        if len(runner.hosted) >= share:
            return
        taken = set(leases.leased_deployments())
        for row in wanted:
            if len(runner.hosted) >= share:
                break
            if row.pk not in taken and self._can_load(row) and leases.claim(row.pk):
                self._take_on(row)

    def _take_all(self, season: Season) -> None:
        """Take on whoever shares the season's book: all of them, or none while another worker has any."""
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        self._shares_book = self._shares_book or leases.claim_season(season.pk)
        if not self._shares_book:
            return
        missing = [row for row in _workable(season) if row.pk not in runner.hosted and self._can_load(row)]
        claimed = [row for row in missing if leases.claim(row.pk)]
        if not runner.hosted and len(claimed) < len(missing):
            # Someone has yet to leave the season before; whoever came later would not share from the beginning.
            for row in claimed:
                leases.release(row.pk)
            return
        if claimed and not runner.hosted:
            # Whoever had them until now has written since this worker last read the book.
            runner = self._runner = Runner.of(season)
            self._arrange_shadows(season)
            runner.start_at(book_cursor(season) or min(row.account.first_sequence for row in claimed if row.account))
        for row in claimed:
            self._host(row)

    def _can_load(self, deployment: Deployment) -> bool:
        """Return whether the version that the deployment trades can be loaded here; why not is logged once."""
        _, missing = traded(deployment)
        if missing and self._untradable.get(deployment.pk) != missing:
            _log.error("%s is not taken on: %s", deployment.slug, missing)
        self._untradable[deployment.pk] = missing
        return not missing

    def _take_on(self, deployment: Deployment) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        if not runner.hosted:
            runner.start_at(_cursor(deployment))
        self._host(deployment)

    def _host(self, deployment: Deployment) -> None:
        runner = self._runner
        assert runner is not None, "asked only while there is a market"
        runner.host(deployment, partial(bus.read, runner.market_name))
        resumed = runner.hosted[deployment.pk].engine
        count = len(resumed.exchange.state.orders)
        _log.info("took on %s at frame %s with %s open orders", deployment.slug, resumed.state.sequence, count)

    def _give_up(self, deployment_id: int) -> None:
        assert self._runner is not None, "asked only while there is a market"
        self._runner.drop(deployment_id)
        leases.release(deployment_id)


def _workable(season: Season) -> QuerySet[Deployment]:
    """Return the deployments of ``season`` that some worker should hold."""
    enabled = Deployment.objects.exclude(status=DeploymentStatus.DISABLED)
    in_season = enabled.filter(account__season=season, account__closed_at=None)
    return in_season.select_related("account__season").order_by("pk")


def _cursor(deployment: Deployment) -> int | None:
    """Return the frame the deployment has been worked up to; None when the newest market will do."""
    account = deployment.account
    assert account is not None, "only deployments with an account are claimed"
    stored = Checkpoint.objects.filter(account=account).values_list("sequence", flat=True).first()
    if stored is not None:
        return stored
    # A recording begins at its beginning, whoever watches; a live market begins now.
    return account.first_sequence if account.first_sequence or is_recording(account.season.market) else None
