"""The running processes, as they report themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from marketdata.telemetry import report_store
from marketdata.telemetry.reporting import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One running process, as it reports itself."""

    kind: str  # feed, worker, warden, web, jobs, beat
    instance: str
    version: str | None
    started: datetime | None
    memory_bytes: float | None
    cpu_share: float | None  # of one core, lately
    figures: Mapping[str, float]  # the main figures of its kind, by their name on the page

    @property
    def busy_share(self) -> float | None:
        """Share of time a worker is busy; None where not reported."""
        shares = [self.figures[word] for word in ("evaluating", "writing") if word in self.figures]
        return sum(shares) if shares else None


def last_seen() -> dict[str, datetime]:
    """Return when a process of each kind last reported."""
    newest: dict[str, float] = {}
    for name, at_s in report_store.signs_of_life().items():
        kind = name.partition("@")[0]
        newest[kind] = max(newest.get(kind, 0.0), at_s)
    return {kind: datetime.fromtimestamp(at_s, UTC) for kind, at_s in newest.items()}


SHARES = frozenset({"evaluating", "writing", "rendering"})  # of the time; all other figures are numbers
_FIGURES = {
    "feed": {
        "messages a second": "paddock_feed_messages_total",
        "bytes a second": "paddock_feed_bytes_total",
        "frames a second": "paddock_feed_frames_published_total",
    },
    "worker": {
        "frames a second": "paddock_worker_frames_total",
        "evaluations a second": "paddock_worker_evaluations_total",
        "evaluating": "paddock_worker_frame_seconds_sum",
        "writing": "paddock_worker_write_seconds_sum",
        "fills a second": "paddock_worker_fills_total",
    },
    "web": {
        "requests a second": "paddock_web_requests_total",
        "pushed bytes a second": "paddock_web_pushed_bytes_total",
        "rendering": "paddock_web_render_seconds_sum",
    },
    "jobs": {"jobs a second": "paddock_jobs_total"},
}
_NOW = {
    "feed": {"publishing": "paddock_feed_publishing", "backlog": "paddock_feed_backlog_frames"},
    "web": {"open sockets": "paddock_web_sockets_open"},
    "warden": {"workers started": "paddock_warden_lives_total", "quarantines": "paddock_warden_quarantines_total"},
}


def process_of(report: Report) -> Process:
    """Return a report as the page shows it."""
    rates = {word: report.rates.get(name) for word, name in _FIGURES.get(report.process, {}).items()}
    now = {word: report.value(name) for word, name in _NOW.get(report.process, {}).items()}
    started_s = report.value("process_start_time_seconds")
    return Process(
        kind=report.process,
        instance=report.instance,
        version=_version(report),
        started=None if started_s is None else datetime.fromtimestamp(started_s, UTC),
        memory_bytes=report.value("process_resident_memory_bytes"),
        cpu_share=report.rates.get("process_cpu_seconds_total"),
        figures={word: value for word, value in {**rates, **now}.items() if value is not None},
    )


def _version(report: Report) -> str | None:
    builds = (sample for family in report.families for sample in family.samples if sample.name == "paddock_build_info")
    return next((sample.labels.get("version") for sample in builds), None)
