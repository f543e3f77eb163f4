"""Everything the system page and its rules know at one moment; None is unknown."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from django.conf import settings

from dashboard.system import readings
from dashboard.system.processes import Process, last_seen, process_of
from dashboard.system.readings import Backup, Database, Disk, Jobs, Redis, reading
from marketdata import bus
from marketdata.telemetry.reporting import living_reports
from portfolios.models import Season
from portfolios.selectors import current_season
from strategies.models import Deployment, DeploymentStatus
from strategies.models import Worker as WorkerRow
from strategies.versions import registry
from strategies.worker import leases
from trading.frames import FRAME_INTERVAL_MS

HEARTBEAT_LATE_S = 15.0
SILENT_FOR_S = 3_600 * 24  # workers silent for longer are not shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker, silent or not."""

    name: str
    started: datetime
    last_seen: datetime  # its last heartbeat
    is_silent: bool
    holds_leases: bool  # its connection to the database is open
    deployments: int
    slugs: Sequence[str]  # empty where unknown
    behind_s: float | None  # of the feed's newest frame
    process: Process | None  # None when it does not report

    @property
    def host(self) -> str:
        """The machine it runs on."""
        return _place_of(self.name)[0]

    @property
    def process_id(self) -> str:
        """Its process id there."""
        return _place_of(self.name)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The versions of everything that runs here."""

    paddock: str
    python: str
    django: str
    postgres: str | None
    redis: str | None  # with its name


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemState:
    """The state of the whole system."""

    now: datetime
    season: Season | None
    feed: Mapping[str, Any] | None
    database: Database | None
    redis: Redis | None
    disk: Disk | None
    jobs: Jobs | None
    processes: Sequence[Process] | None  # None: Redis does not answer
    last_seen: Mapping[str, datetime]  # kind -> when one of it last reported
    workers: Sequence[Worker] | None  # None: the database does not answer
    due: int | None  # deployments that a worker should hold
    unheld: Sequence[str] | None  # those that no worker holds
    quarantined: Sequence[str] | None
    unloadable: Sequence[str]  # paths of strategies that failed to load
    backup: Backup | None  # None: none recorded, or the database does not answer
    versions: Versions

    def of_kind(self, kind: str) -> list[Process]:
        """Return the running processes of one kind."""
        return [process for process in self.processes or () if process.kind == kind]

    def figures(self, kind: str, word: str) -> list[float]:
        """Return a figure of each running process of a kind that reports it."""
        return [process.figures[word] for process in self.of_kind(kind) if word in process.figures]


def system_state() -> SystemState:
    """Return what is known now. Never raises for a server that does not answer."""
    reports = reading(living_reports)
    database, server = reading(readings.database), reading(readings.redis_server)
    feed = bus.feed_state()
    processes = None if reports is None else [process_of(report) for report in reports]
    league = reading(_league) if database is not None else None
    workers = reading(_workers, processes or (), feed) if database is not None else None
    return SystemState(
        now=datetime.now(UTC),
        season=reading(current_season) if database is not None else None,
        feed=feed,
        database=database,
        redis=server,
        disk=reading(readings.disk),
        jobs=reading(readings.jobs) if server is not None else None,
        processes=processes,
        last_seen=reading(last_seen) or {},
        workers=workers,
        due=league.due if league else None,
        unheld=league.unheld if league else None,
        quarantined=league.quarantined if league else None,
        unloadable=reading(_unloadable) or (),
        backup=reading(readings.last_backup) if database is not None else None,
        versions=_versions(database, server),
    )


@dataclass(frozen=True, slots=True)
class _League:
    due: int
    unheld: list[str]
    quarantined: list[str]


def _league() -> _League:
    """Return the deployments that should run, and those that do not."""
    rows = Deployment.objects.filter(account__closed_at=None, account__season__ended_at=None).order_by("slug")
    stated = list(rows.values_list("pk", "slug", "status"))
    held = set(leases.leased_deployments())
    idle = (DeploymentStatus.DISABLED, DeploymentStatus.QUARANTINED)
    due = [(pk, slug) for pk, slug, status in stated if status not in idle]
    quarantined = [slug for _, slug, status in stated if status == DeploymentStatus.QUARANTINED]
    return _League(len(due), [slug for pk, slug in due if pk not in held], quarantined)


def _workers(processes: Iterable[Process], feed: Mapping[str, Any] | None) -> list[Worker]:
    known = {process.instance: process for process in processes if process.kind == "worker"}
    living, slugs = set(leases.living_workers()), _slugs_by_worker()
    now = datetime.now(UTC)
    workers = []
    for row in WorkerRow.objects.filter(heartbeat_at__gt=now - timedelta(seconds=SILENT_FOR_S)).order_by("name"):
        workers.append(
            Worker(
                name=row.name,
                started=row.started_at,
                last_seen=row.heartbeat_at,
                is_silent=(now - row.heartbeat_at).total_seconds() > HEARTBEAT_LATE_S,
                holds_leases=row.pk in living,
                deployments=row.deployments,
                slugs=slugs.get(row.pk, ()),
                behind_s=_behind_s(row, feed),
                process=known.get(":".join(_place_of(row.name))),
            )
        )
    return workers


def _slugs_by_worker() -> dict[int, list[str]]:
    """Return the deployments each worker holds, by the worker's row."""
    names = dict(Deployment.objects.values_list("pk", "slug"))
    held = leases.held_by_workers()
    return {worker: sorted(names[pk] for pk in ids if pk in names) for worker, ids in held.items()}


def _place_of(worker: str) -> tuple[str, str]:
    """Return host and process id of the worker of that name: it is made of both, and of when it started."""
    host, _, process_id = worker.rpartition("-")[0].rpartition("-")
    return host, process_id


def _behind_s(row: WorkerRow, feed: Mapping[str, Any] | None) -> float | None:
    newest = (feed or {}).get("last_sequence")
    if not newest or not row.sequence or not row.deployments:
        return None
    # A worker goes on between two heartbeats: never below zero.
    frames = int(newest) - row.sequence
    return max(0.0, frames * FRAME_INTERVAL_MS / 1_000)


def _unloadable() -> list[str]:
    registry.refresh()
    return sorted(failure.path for failure in registry.failures())


def _versions(database: Database | None, server: Redis | None) -> Versions:
    return Versions(
        paddock=settings.PADDOCK_VERSION,
        python=platform.python_version(),
        django=django.get_version(),
        postgres=None if database is None else database.version,
        redis=None if server is None else f"{server.server} {server.version}",
    )
