"""Which deployments a worker holds: leases claimed and given up, revisions applied, many at a time."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from functools import partial

from django.db.models import QuerySet

from marketdata import bus
from marketdata.market_names import is_recording
from portfolios.models import Checkpoint, Season
from portfolios.rows.liquidity import book_cursor
from strategies.deployments import services
from strategies.deployments.selectors import traded
from strategies.deployments.status import NOT_HOSTED
from strategies.models import Deployment
from strategies.warden.blackbox import BlackBox
from strategies.worker import leases
from strategies.worker.hosting import Unloadable
from strategies.worker.runner import Runner

_log = logging.getLogger("worker")


class Holdings:
    """The leases of one worker, and the runner that works their deployments."""

    def __init__(self, box: BlackBox) -> None:
        self._box = box
        self._shares_book = False  # holds the lease on a season whose deployments share one
        self._untradable: dict[int, str] = {}  # deployment -> why its version cannot be loaded here, as last logged
        self._unloadable: dict[int, int] = {}  # deployment -> the revision that could not be taken on

    def release_all(self, runner: Runner) -> None:
        """Write what is left, and give every lease up."""
        held = [*runner.hosted, *runner.dropped]
        runner.drop(*runner.hosted)
        self.let_go(runner, held)

    def let_go(self, runner: Runner, held: Iterable[int]) -> None:
        """Give these leases up, and with them the one on the season's book."""
        leases.release_all(held)
        runner.hosted.clear()
        runner.dropped.clear()
        if self._shares_book and runner.season_id is not None:
            leases.release_season(runner.season_id)
            self._shares_book = False

    def apply_revisions(self, runner: Runner) -> None:
        """Go on with the present revisions of what is held, and give up what is not to be hosted any more."""
        if runner.dropped:
            leases.release_all(runner.dropped)
            runner.dropped.clear()
        hosted = Deployment.objects.filter(pk__in=list(runner.hosted))
        stated = {
            pk: (revision, status, account_id)
            for pk, revision, status, account_id in hosted.values_list("pk", "revision", "status", "account_id")
        }
        gone, changed = [], []
        for deployment_id, held in runner.hosted.items():
            revision, status, account_id = stated.get(deployment_id, (0, "", None))
            if status in {"", *NOT_HOSTED} or account_id != held.account_id:
                gone.append(deployment_id)
            elif revision != held.revision:
                changed.append(deployment_id)
        rows = Deployment.objects.select_related("account").filter(pk__in=changed) if changed else ()
        loadable = [row for row in rows if self._can_load(row)]
        self._give_up(runner, [*gone, *(set(changed) - {row.pk for row in loadable})])
        self._go_on(runner, loadable)

    def _go_on(self, runner: Runner, rows: Sequence[Deployment]) -> None:
        if not rows:
            return
        refused = runner.reload_all(rows)
        self._give_up(runner, [row.pk for row, _ in refused])
        for row, error in refused:
            self._note_unloadable(row, error)
        for row in rows:
            if row.pk in runner.hosted:
                _log.info("goes on with a deployment's revision %s (%s)", row.revision, row.status, extra=_about(row))

    def share_out(self, runner: Runner, season: Season) -> None:
        """Hold a fair share of the season's deployments."""
        workable = _workable(season, self._box.held_back)
        due = list(workable.values_list("pk", flat=True))
        share = leases.fair_share(len(due), len(leases.living_workers()))
        self._give_up(runner, sorted(runner.hosted)[share:])
        room = share - len(runner.hosted)
        if room <= 0:
            return
        free = set(due) - set(leases.leased_deployments())
        if not free:
            return
        rows = [row for row in workable.filter(pk__in=free) if self._can_load(row)][:room]
        taken = leases.claim_all(row.pk for row in rows)
        claimed = [row for row in rows if row.pk in taken]
        if claimed and not runner.hosted:
            runner.start_at(_cursor(claimed[0]))
        self._host(runner, claimed)

    def take_all(self, runner: Runner, season: Season) -> Runner:
        """Take on all that share the season's book, or none while another worker has any; return their runner."""
        self._shares_book = self._shares_book or leases.claim_season(season.pk)
        if not self._shares_book:
            return runner
        workable = _workable(season, self._box.held_back)
        missing = [row for row in workable if row.pk not in runner.hosted and self._can_load(row)]
        taken = leases.claim_all(row.pk for row in missing)
        claimed = [row for row in missing if row.pk in taken]
        if not runner.hosted and len(claimed) < len(missing):
            # A worker has yet to leave the season before; one that came later would not share from the beginning.
            leases.release_all(taken)
            return runner
        if claimed and not runner.hosted:
            # The worker that had them until now has written since this one last read the book.
            runner = runner.anew(season)
            runner.start_at(book_cursor(season) or min(row.account.first_sequence for row in claimed if row.account))
        self._host(runner, claimed)
        return runner

    def _can_load(self, deployment: Deployment) -> bool:
        """Return whether it can be taken on as it is now; why its version cannot be loaded here is logged once."""
        if self._unloadable.get(deployment.pk) == deployment.revision:
            return False
        _, missing = traded(deployment)
        if missing and self._untradable.get(deployment.pk) != missing:
            _log.error("does not take a deployment on: %s", missing, extra=_about(deployment))
        self._untradable[deployment.pk] = missing
        return not missing

    def _host(self, runner: Runner, claimed: Sequence[Deployment]) -> None:
        """Take on deployments whose leases are held; give the lease of one back that cannot be."""
        # Before they are in its hands: whoever ends it while it takes them on is among those that it held.
        self._box.note_hosted([*runner.hosted, *(row.pk for row in claimed)])
        try:
            refused = runner.host_all(claimed, partial(bus.read, runner.market_name))
        except Exception:
            # Redis went away before they had caught up: they are as they were, and anybody's.
            leases.release_all(row.pk for row in claimed if row.pk not in runner.hosted)
            raise
        leases.release_all(row.pk for row, _ in refused)
        for row, error in refused:
            self._note_unloadable(row, error)
        for row in claimed:
            if row.pk not in runner.hosted:
                continue  # it could not be evaluated up to the present, and was dropped
            orders = runner.hosted[row.pk].engine.open_orders
            _log.info("takes a deployment on, with %s open orders", len(orders), extra=_about(row))

    def _note_unloadable(self, row: Deployment, error: Unloadable) -> None:
        _log.error("cannot take a deployment on: %s", error, extra=_about(row))
        self._unloadable[row.pk] = row.revision
        services.note_unloadable(deployment=row, error=str(error))

    def _give_up(self, runner: Runner, deployment_ids: Sequence[int]) -> None:
        if deployment_ids:
            runner.drop(*deployment_ids)
            leases.release_all(deployment_ids)


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
