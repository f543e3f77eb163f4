"""The state of all processes. What is not known is None."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that is not as it should be."""

    code: str
    tone: str  # warning or bad
    sentence: str
    since: datetime | None
    do: str  # an imperative


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How late and how fast."""

    lag_ms: float | None  # the newest measurement
    lag_p99_ms: float | None  # within ten minutes
    frames_per_s: float | None
    behind_s: float | None  # of the worker that is furthest behind
    evaluations_per_s: float | None
    busiest: float | None  # share of its time that the busiest worker works, 0 to 1
    requests_per_s: float | None
    open_sockets: float | None
    queued_jobs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker and the deployments it evaluates."""

    name: str
    started: datetime
    heard: datetime  # its last sign of life
    is_silent: bool
    deployments: int
    slugs: list[str]
    behind_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One living process, as it reports itself."""

    kind: str  # feed, worker, warden, web, jobs, beat
    instance: str  # host and process id
    version: str | None
    started: datetime | None
    memory_bytes: float | None
    cpu_share: float | None  # of one core
    figures: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a job's last run went."""

    at: datetime
    seconds: float
    outcome: str  # done, failed or retried


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """A job that the clock begins."""

    name: str
    task: str
    every_s: float | None
    last: Run | None
    is_overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One of the largest tables."""

    name: str
    bytes: int
    rows: int | None  # as the server estimates them


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """PostgreSQL."""

    version: str
    bytes: int
    connections: int
    most_connections: int
    oldest_transaction_s: float | None
    clock_ahead_s: float  # of the web process's clock
    tables: list[Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStream:
    """What the bus holds of one market."""

    market: str
    frames: int
    reaches_back_s: float
    newest_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """Redis, or Valkey."""

    server: str
    version: str
    bytes: int
    most_bytes: int | None
    clients: int
    uptime_s: int
    streams: list[FrameStream]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where the data folder is."""

    folder: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The last one on record."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What runs."""

    paddock: str
    python: str
    django: str
    postgres: str | None
    redis: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The whole, and first in one sentence whether all is well."""

    tone: str  # good, warning or bad
    answer: str
    sentence: str
    causes: list[Cause]  # the weightiest first
    season: int | None
    market: str | None
    vitals: Vitals
    workers: list[Worker] | None
    processes: list[Process] | None
    deployments_due: int | None  # that some worker should hold
    deployments_unheld: list[str] | None
    queues: dict[str, int] | None
    schedule: list[Periodic]
    database: Database | None
    redis: Redis | None
    disk: Disk | None
    backup: Backup | None
    versions: Versions
