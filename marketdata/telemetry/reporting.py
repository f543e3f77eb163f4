"""What every process has counted, reported to all who read it.

Every few seconds a thread folds a process's plain numbers into metrics and hands them to Redis, from where the
web process reads those of every living process, wherever that runs: only its port need be scraped.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec
import redis
from django.conf import settings
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from marketdata.telemetry import report_store
from marketdata.telemetry.metrics import gauge

REPORT_EVERY_S = 5.0
_TOTALS = ("_total", "_sum", "_count")  # samples that only grow: their rates are reported, too

Collect = Callable[[], Iterable[Metric]]

_encoder = msgspec.msgpack.Encoder()
_log = logging.getLogger("metrics")


class Sample(msgspec.Struct, array_like=True):
    """One number."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, array_like=True):
    """A metric with its samples."""

    name: str
    kind: str
    about: str
    samples: list[Sample]


class Report(msgspec.Struct):
    """What one process has counted by now."""

    process: str  # feed, worker, warden, web, jobs, beat
    instance: str  # host and process id
    families: list[Family]
    rates: dict[str, float] = {}  # of what only grows, a second, all labels together; empty in the first report

    @property
    def name(self) -> str:
        """What it goes by."""
        return f"{self.process}@{self.instance}"

    @property
    def encoded(self) -> bytes:
        """As it goes over the wire."""
        return _encoder.encode(self)

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples called ``name`` that have these labels; None when there is none."""
        found = [
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None


_decoder = msgspec.msgpack.Decoder(Report)


def instance_of(process_id: int | None = None) -> str:
    """Return what a process on this machine is called."""
    return f"{socket.gethostname()}:{process_id or os.getpid()}"


class Reporter:
    """Reports what this process counts, every few seconds until it is stopped.

    ``collect`` folds the plain numbers into metrics. ``process_id`` is another process's when this one reports for it.
    """

    def __init__(self, process: str, *collect: Collect, process_id: int | None = None) -> None:
        self._process = process
        self._instance = instance_of(process_id)
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(pid=lambda: process_id or "self", registry=self._registry)
        for each in (build_info, *collect):
            self._registry.register(_Collected(each))
        self._totals: dict[str, float] = {}
        self._reported_s = 0.0
        self._is_delivered = True
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Reporter:
        """Report from now on, beside the process's own work."""
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and remove the report: the process ends on purpose."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(REPORT_EVERY_S)
        try:
            report_store.forget_report(f"{self._process}@{self._instance}")
        except redis.RedisError as error:
            _log.debug("the report of this process, which ends, was not removed: %s", error)

    def report(self) -> Report:
        """Fold what was counted, with the rates since the last time."""
        now_s = time.monotonic()
        families = [_family(metric) for metric in self._registry.collect()]
        totals: dict[str, float] = {}
        for sample in (sample for family in families for sample in family.samples):
            if sample.name.endswith(_TOTALS):
                totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
        passed_s = now_s - self._reported_s
        rates = {
            name: max(0.0, total - self._totals[name]) / passed_s
            for name, total in totals.items()
            if name in self._totals and passed_s > 0
        }
        self._totals, self._reported_s = totals, now_s
        return Report(self._process, self._instance, families, rates)

    def _run(self) -> None:
        while True:
            self._deliver()
            if self._stopping.wait(REPORT_EVERY_S):
                return

    def _deliver(self) -> None:
        try:
            report = self.report()
            report_store.write_report(report.name, report.encoded)
            self._is_delivered = True
        except Exception as error:
            # The process goes on working; that its metrics are missing shows on the system page.
            if self._is_delivered:
                _log.warning("metrics are not reported: %s", error)
            self._is_delivered = False


class _Collected(Collector):
    def __init__(self, collect: Collect) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def build_info() -> Iterator[Metric]:
    """Yield which Paddock this is."""
    labels = {"version": settings.PADDOCK_VERSION, "python": platform.python_version()}
    about = "The version that this process runs; always 1."
    yield gauge("paddock_build_info", about, {tuple(labels.values()): 1}, [*labels])


def _family(metric: Metric) -> Family:
    samples = [Sample(sample.name, dict(sample.labels), float(sample.value)) for sample in metric.samples]
    return Family(metric.name, metric.type, metric.documentation, samples)


# The reports of all processes


def living_reports() -> list[Report]:
    """Return the newest report of every living process, by its name; one of an unreadable version is left out.

    Raises:
        RedisError: Redis does not answer.
    """
    found = []
    for name, payload in report_store.reports().items():
        try:
            found.append(_decoder.decode(payload))
        except msgspec.MsgspecError as error:
            _log.warning("the report of %s cannot be read: %s", name, error)
    return found


def merged(reports: Iterable[Report]) -> list[Metric]:
    """Return each metric once, with the samples of all processes, labelled by `process` and `instance`.

    Where two versions disagree on a metric's type, the first to be read counts and the other is left out.
    """
    metrics: dict[str, Metric] = {}
    for report in reports:
        whose = {"process": report.process, "instance": report.instance}
        for family in report.families:
            metric = metrics.setdefault(family.name, Metric(family.name, family.about, family.kind))
            if metric.type == family.kind:
                for sample in family.samples:
                    metric.add_sample(sample.name, {**whose, **sample.labels}, sample.value)
    return list(metrics.values())
