"""Figures of database, Redis and disk. A server that does not answer raises; `reading` makes that None."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from marketdata import bus
from marketdata.telemetry import report_store
from portfolios.models import AuditEntry
from trading.frames import FRAME_INTERVAL_MS

TABLES_SHOWN = 6
_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_P = ParamSpec("_P")

_ABOUT_DATABASE = """
    SELECT current_setting('server_version'), pg_database_size(current_database()),
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
        current_setting('max_connections')::int,
        (SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()),
        extract(epoch FROM clock_timestamp())
"""
_ABOUT_TABLES = """
    SELECT relname, pg_total_relation_size(oid), nullif(reltuples, -1)::bigint FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    ORDER BY pg_total_relation_size(oid) DESC, relname LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One of the largest tables."""

    name: str
    bytes: int  # with its indexes
    rows: int | None  # as the server estimates them; None before its first estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """PostgreSQL."""

    version: str
    bytes: int
    connections: int
    most_connections: int
    oldest_transaction_s: float | None  # None: no other is open
    clock_ahead_s: float  # of this machine's; behind when below zero
    tables: list[Table]


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """The frames that the bus holds of one market."""

    market: str
    frames: int
    reaches_back_s: float  # from the newest frame to the oldest
    newest_age_s: float | None  # by the wall clock; None for a recording's market time


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """Redis or Valkey."""

    server: str
    version: str
    bytes: int
    most_bytes: int | None  # None: no limit is set
    policy: str = "noeviction"  # what it does when that is reached
    evicted_keys: int = 0  # since it started
    is_saved: bool = True  # its last write to the disk went well, where it writes there
    clients: int
    uptime_s: int
    streams: list[StreamFigures]

    @property
    def evicts(self) -> bool:
        """Whether it throws keys away when its memory is full."""
        return self.most_bytes is not None and self.policy != "noeviction"


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the data folder."""

    folder: str
    free_bytes: int
    total_bytes: int
    free_files: int | None = None  # None: the disk does not count them


@dataclass(frozen=True, slots=True)
class Run:
    """How a job's last run went."""

    at: datetime
    seconds: float
    outcome: str  # done, failed, retried


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Celery's queues, and the last recorded run of each job."""

    queues: dict[str, int]
    runs: dict[str, Run]


@dataclass(frozen=True, slots=True)
class Backup:
    """The last one that was made of the database."""

    name: str  # of its file
    at: datetime


def reading(read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
    """Return what is read, None when it cannot be."""
    try:
        return read(*args, **kwargs)
    except (DatabaseError, InterfaceError, redis.RedisError, OSError) as error:
        what = read.__name__.strip("_").replace("_", " ")
        _log.warning("%s cannot be read: %s", what, " ".join(str(error).split()))
        return None


def database() -> Database:
    """Return PostgreSQL's figures."""
    with connection.cursor() as cursor:
        sent_s = time.time()
        cursor.execute(_ABOUT_DATABASE)
        version, size, connections, most, oldest_s, database_s = cursor.fetchone()
        ours_s = (sent_s + time.time()) / 2
        cursor.execute(_ABOUT_TABLES, [TABLES_SHOWN])
        tables = [Table(*row) for row in cursor.fetchall()]
    return Database(
        version=str(version).split()[0],
        bytes=size,
        connections=connections,
        most_connections=most,
        oldest_transaction_s=None if oldest_s is None else max(0.0, float(oldest_s)),
        clock_ahead_s=ours_s - float(database_s),
        tables=tables,
    )


def last_backup() -> Backup | None:
    """Return the last backup that is on record; None when none is."""
    entry = AuditEntry.objects.filter(kind="backup", action="made").order_by("-id").first()
    return None if entry is None else Backup(entry.subject, entry.at)


def redis_server() -> Redis:
    """Return Redis' figures."""
    facts = report_store.server_facts()
    name = str(facts.get("server_name", "redis"))
    return Redis(
        server=name.capitalize(),
        version=str(facts.get(f"{name}_version") or facts["redis_version"]),
        bytes=int(facts["used_memory"]),
        most_bytes=int(facts.get("maxmemory") or 0) or None,
        policy=str(facts.get("maxmemory_policy", "noeviction")),
        evicted_keys=int(facts.get("evicted_keys", 0)),
        is_saved=_is_saved(facts),
        clients=int(facts["connected_clients"]),
        uptime_s=int(facts["uptime_in_seconds"]),
        streams=[_stream(stream) for stream in bus.streams()],
    )


def _is_saved(facts: dict[str, Any]) -> bool:
    """Return whether the kinds of saving that are in use went well the last time."""
    appends = bool(int(facts.get("aof_enabled", 0)))
    return str(facts.get("aof_last_write_status" if appends else "rdb_last_bgsave_status", "ok")) == "ok"


def clock_ahead_of_exchange_s(feed: Mapping[str, Any] | None) -> float | None:
    """Return by how much the feed's machine is ahead of the exchange; None where no feed has measured it."""
    behind_s = ((feed or {}).get("clock") or {}).get("behind_s")
    return -float(behind_s) if isinstance(behind_s, int | float) else None


def _stream(stream: bus.Stream) -> StreamFigures:
    interval_s = FRAME_INTERVAL_MS / 1_000
    reach_s = (stream.last_sequence - stream.first_sequence) * interval_s
    is_recorded = stream.market.startswith("recording:")
    age_s = None if is_recorded else max(0.0, time.time() - stream.last_sequence * interval_s)
    return StreamFigures(stream.market, stream.frames, reach_s, age_s)


def disk() -> Disk:
    """Return how full the data folder's disk is, on this machine."""
    folder = _existing(settings.PADDOCK_DATA_DIR)
    usage, state = shutil.disk_usage(folder), os.statvfs(folder)
    return Disk(str(settings.PADDOCK_DATA_DIR), usage.free, usage.total, state.f_favail if state.f_files else None)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def jobs() -> Jobs:
    """Return the queues and the last runs."""
    routed = {str(route["queue"]) for route in settings.CELERY_TASK_ROUTES.values()}
    queues = {str(getattr(settings, "CELERY_TASK_DEFAULT_QUEUE", "celery")), *routed}
    return Jobs(
        queues=report_store.queue_lengths(queues),
        runs={task: _run(run) for task, run in report_store.last_runs().items()},
    )


def _run(record: dict[str, Any]) -> Run:
    return Run(datetime.fromisoformat(record["at"]).astimezone(UTC), float(record["seconds"]), str(record["outcome"]))
