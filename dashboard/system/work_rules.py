"""Problems of workers, deployments and jobs. Each rule returns a cause, or None."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dashboard.page.banner import Tone
from dashboard.system.causes import Cause, counted, listed, number
from dashboard.system.state import SystemState, Worker

BEHIND_LATE_S, BEHIND_LOST_S = 5.0, 60.0
BUSY_SHARE = 0.9
LONG_QUEUE = 100
FAILURE_IS_NEWS_FOR = timedelta(days=1)  # a job that has not run since may have been removed
START_A_WORKER = "start one with manage.py run_worker, or everything with python3 start.py"
START_JOBS = (
    "start `celery -A tradingsite worker` and `celery -A tradingsite beat`, or everything with python3 start.py"
)


def workers_are_missing(state: SystemState) -> Cause | None:
    if state.workers is None or state.due is None:
        return None
    silent = [worker for worker in state.workers if worker.is_silent]
    if not state.workers:
        so = _not_processed(state.due) if state.due else "no season will start"
        since = state.last_seen.get("worker")
        return Cause(code="no-worker", tone=Tone.BAD, what="No worker running", since=since, so=so, do=START_A_WORKER)
    if not silent or not state.due:
        return None
    unprocessed = len(state.unheld or ()) + sum(worker.deployments for worker in silent if worker.holds_leases)
    return Cause(
        code="silent-workers",
        tone=Tone.BAD if unprocessed else Tone.WARNING,
        what=_silent_workers(len(silent), len(state.workers)),
        since=min(worker.last_seen for worker in silent),
        so=_not_processed(unprocessed) if unprocessed else "other workers took over",
        do=_what_to_do_for(silent),
    )


def _not_processed(count: int) -> str:
    return f"{counted(count, 'deployment')} not being processed"


def _silent_workers(silent: int, all_of_them: int) -> str:
    if silent == all_of_them:
        return "No heartbeat from the only worker" if silent == 1 else f"No heartbeat from all {number(silent)} workers"
    return f"No heartbeat from {number(silent)} of {number(all_of_them)} workers"


def _what_to_do_for(silent: Sequence[Worker]) -> str:
    hung = [f"kill -9 {worker.process_id} on {worker.host}" for worker in silent if worker.holds_leases]
    if hung:
        return f"{listed(hung)}: it holds deployments without processing them; the supervisor restarts it at once"
    return f"check the log of {listed([worker.name for worker in silent])}; {START_A_WORKER}"


def deployments_are_not_held(state: SystemState) -> Cause | None:
    if not state.unheld or not state.workers or any(worker.is_silent for worker in state.workers):
        return None
    count = len(state.unheld)
    return Cause(
        code="unheld",
        tone=Tone.WARNING,
        what=f"No worker runs {listed(state.unheld)}",
        so=_not_processed(count),
        do="wait a few seconds after a start; otherwise see the reason on the deployment's page",
    )


def workers_are_behind(state: SystemState) -> Cause | None:
    alive = [worker for worker in state.workers or () if not worker.is_silent]  # silent ones have their own rule
    behind = {worker.name: late_s for worker in alive if (late_s := worker.behind_s or 0.0) > BEHIND_LATE_S}
    if not behind or (state.feed or {}).get("finished"):
        return None
    worst_s = max(behind.values())
    return Cause(
        code="behind",
        tone=Tone.BAD if worst_s > BEHIND_LOST_S else Tone.WARNING,
        what=f"{listed(list(behind))} {'is' if len(behind) == 1 else 'are'} {worst_s:.0f} s behind the market",
        so="signals are late by the same time",
        do="start another worker: deployments are redistributed within seconds",
    )


def workers_are_busy(state: SystemState) -> Cause | None:
    shares = {process.instance: process.busy_share or 0.0 for process in state.of_kind("worker")}
    busy = [instance for instance, share in shares.items() if share > BUSY_SHARE]
    if not busy:
        return None
    what = f"{listed(busy)} busy {max(shares.values()):.0%} of the time"
    return Cause(
        code="busy",
        tone=Tone.WARNING,
        what=what,
        so="no capacity for more deployments",
        do="start another worker, or find the most expensive deployment",
    )


def deployments_are_quarantined(state: SystemState) -> Cause | None:
    if not state.quarantined:
        return None
    count = len(state.quarantined)
    return Cause(
        code="quarantined",
        tone=Tone.WARNING,
        what=f"{listed(state.quarantined)} {'is' if count == 1 else 'are'} quarantined",
        so=f"{'it' if count == 1 else 'they'} crashed or blocked a worker; orders are not being processed",
        do="see the events on its page; enable it again once fixed",
    )


def strategies_do_not_load(state: SystemState) -> Cause | None:
    if not state.unloadable:
        return None
    return Cause(
        code="unloadable",
        tone=Tone.WARNING,
        what=f"{listed(state.unloadable)} failed to load",
        so="deployments keep running their stored version",
        do="run manage.py liststrategies for file and line",
    )


def jobs_do_not_run(state: SystemState) -> Cause | None:
    if state.processes is None:
        return None
    missing = [name for kind, name in (("jobs", "job worker"), ("beat", "scheduler")) if not state.of_kind(kind)]
    if not missing:
        return None
    kind = "jobs" if "job worker" in missing else "beat"
    return Cause(
        code="no-jobs",
        tone=Tone.WARNING,
        what=f"No {' and no '.join(missing)} running",
        since=state.last_seen.get(kind),
        so="no cleanup, no notifications" if kind == "jobs" else "no scheduled jobs",
        do=START_JOBS,
    )


def jobs_wait_or_fail(state: SystemState) -> Cause | None:
    if state.jobs is None:
        return None
    waiting = sum(state.jobs.queues.values())
    if waiting > LONG_QUEUE and state.of_kind("jobs"):
        what = f"{waiting:,} jobs queued"
        return Cause(code="queue", tone=Tone.WARNING, what=what, do="start another `celery -A tradingsite worker`")
    failed = [
        (task, run)
        for task, run in state.jobs.runs.items()
        if run.outcome == "failed" and state.now - run.at < FAILURE_IS_NEWS_FOR
    ]
    if not failed:
        return None
    names = listed(sorted(task for task, _ in failed))
    newest = max(run.at for _, run in failed)
    what = f"{names} failing"
    return Cause(code="job-failed", tone=Tone.WARNING, what=what, since=newest, do="check the log of the jobs process")
