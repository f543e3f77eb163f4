"""Every job has its id on its log lines, is counted, and leaves word of how it went."""

from __future__ import annotations

import atexit
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import redis
from celery import Task, bootsteps
from celery.beat import PersistentScheduler
from celery.signals import beat_embedded_init, beat_init, worker_process_init, worker_ready
from prometheus_client.core import Metric
from structlog.contextvars import bound_contextvars

from marketdata.telemetry import pulse, report_store, tracing
from marketdata.telemetry.metrics import Histogram, Labels, counter, histogram
from marketdata.telemetry.reporting import Reporter

LONGEST_JOB_S = 900.0  # then one that shows no other sign of life counts as hung
BEAT_S = 2.0
JOB_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_log = logging.getLogger("jobs")


class JobTally:
    """What this process's jobs add up to."""

    def __init__(self) -> None:
        self.runs: Counter[Labels] = Counter()  # by task and outcome
        self.seconds: defaultdict[Labels, Histogram] = defaultdict(lambda: Histogram(JOB_SECONDS))  # by task

    def note(self, task: str, outcome: str, took_s: float) -> None:
        """Take in a run."""
        self.runs[(task, outcome)] += 1
        self.seconds[(task,)].observe(took_s)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield counter("paddock_jobs", "Jobs run.", self.runs, ["task", "outcome"])
        yield histogram("paddock_job_seconds", "How long a job took.", dict(self.seconds), ["task"])


JOBS = JobTally()  # this process's


class Job(Task[..., Any]):
    """A task as Celery calls it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; its error is Celery's to report."""
        pulse.beat(LONGEST_JOB_S)  # where jobs run in the process that fetches them, nothing else happens meanwhile
        began, began_s, outcome = datetime.now(UTC), time.perf_counter(), "done"
        request_id = self.request.id or "none"
        try:
            with bound_contextvars(task=self.name, task_id=request_id), tracing.span(f"job {self.name}", id=request_id):
                return self.run(*args, **kwargs)
        except BaseException as error:
            # Celery's way of saying "later" is an exception, too.
            outcome = "retried" if type(error).__name__ == "Retry" else "failed"
            raise
        finally:
            took_s = time.perf_counter() - began_s
            JOBS.note(self.name, outcome, took_s)
            self._leave_word(began, took_s, outcome)
            pulse.beat()

    def _leave_word(self, began: datetime, took_s: float, outcome: str) -> None:
        try:
            report_store.note_run(self.name, {"at": began.isoformat(), "seconds": round(took_s, 3), "outcome": outcome})
        except redis.RedisError as error:
            _log.warning("how %s went is not reported: %s", self.name, error)


def report_when_ready() -> None:
    """Start reporting in Celery's processes; a process that only queues jobs reports nothing of them."""
    worker_ready.connect(_report_jobs)
    worker_process_init.connect(_report_jobs)  # of the pool, where it has processes of its own
    beat_init.connect(_report_beat)
    beat_embedded_init.connect(_report_beat)


class WatchedScheduler(PersistentScheduler):
    """Celery's clock; each look at the schedule is a sign of life."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Queue what is due; return the seconds until the next look."""
        pulse.beat()
        return float(super().tick(*args, **kwargs))


class PulseStep(bootsteps.StartStopStep):
    """Has the loop that fetches jobs show that it turns, on each of its connections."""

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Begin with the loop."""
        pulse.beat()
        hub.call_repeatedly(BEAT_S, pulse.beat)


def _report_jobs(**_: Any) -> None:
    tracing.begin("jobs")
    atexit.register(Reporter("jobs", JOBS.collect).start().stop)


def _report_beat(**_: Any) -> None:
    atexit.register(Reporter("beat").start().stop)
