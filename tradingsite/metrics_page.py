"""`/metrics`: what every process has counted, and figures of database, Redis and disk, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from dashboard.system import readings
from dashboard.system.readings import Database, Disk, Jobs, Redis, reading
from marketdata.telemetry.metrics import gauge
from marketdata.telemetry.reporting import living_reports, merged


@method_decorator(never_cache, name="dispatch")
class Metrics(APIView):
    """Open as the API is: with a token, or where pages are public."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Answer a scraper in its own format, whatever else it would accept; only refusals are JSON."""
        return JSONRenderer(), JSONRenderer.media_type

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return all metrics in the text format that is requested."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(exposition()), content_type=content_type)


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def exposition() -> CollectorRegistry:
    """Return all that is known now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected([*merged(reading(living_reports) or []), *site_metrics()]))
    return registry


def site_metrics() -> Iterator[Metric]:
    """Yield what belongs to no process; for one that does not answer only `paddock_up`."""
    database, server = reading(readings.database), reading(readings.redis_server)
    disk, jobs = reading(readings.disk), reading(readings.jobs)
    up = {("database",): int(database is not None), ("redis",): int(server is not None)}
    yield gauge("paddock_up", "1 where the server answers the web process.", up, ["server"])
    if database is not None:
        yield from _of_database(database)
    if server is not None:
        yield from _of_redis(server)
    if disk is not None:
        yield from _of_disk(disk)
    if jobs is not None:
        yield from _of_jobs(jobs)


def _of_database(database: Database) -> Iterator[Metric]:
    yield gauge("paddock_database_size_bytes", "Size of the database on its disk.", database.bytes)
    yield gauge("paddock_database_connections", "Connections to the database.", database.connections)
    yield gauge("paddock_database_connections_limit", "Connections that the server allows.", database.most_connections)
    about = "Age of the oldest transaction that is open, 0 when none is."
    yield gauge("paddock_database_oldest_transaction_seconds", about, database.oldest_transaction_s or 0.0)
    tables = {(table.name,): table.bytes for table in database.tables}
    yield gauge("paddock_database_table_bytes", "The largest tables, indexes included.", tables, ["table"])


def _of_redis(server: Redis) -> Iterator[Metric]:
    yield gauge("paddock_redis_memory_bytes", "Memory that Redis uses.", server.bytes)
    yield gauge("paddock_redis_clients", "Connections to Redis.", server.clients)
    frames = {(stream.market,): stream.frames for stream in server.streams}
    yield gauge("paddock_stream_frames", "Frames that the bus holds.", frames, ["market"])
    ages = {(stream.market,): age for stream in server.streams if (age := stream.newest_age_s) is not None}
    yield gauge("paddock_stream_newest_age_seconds", "Age of the newest frame.", ages, ["market"])


def _of_disk(disk: Disk) -> Iterator[Metric]:
    yield gauge("paddock_disk_free_bytes", "Free space where the data folder is.", disk.free_bytes)
    yield gauge("paddock_disk_size_bytes", "Size of the disk where the data folder is.", disk.total_bytes)


def _of_jobs(jobs: Jobs) -> Iterator[Metric]:
    queues = {(queue,): length for queue, length in jobs.queues.items()}
    yield gauge("paddock_job_queue_length", "Jobs that wait.", queues, ["queue"])
    runs = {(task,): run.at.timestamp() for task, run in jobs.runs.items()}
    yield gauge("paddock_job_last_run_timestamp_seconds", "When a job ran last.", runs, ["task"])
