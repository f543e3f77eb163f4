"""What may be wrong with workers, deployments and jobs. Each rule returns a cause, or None."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dashboard.page.banner import Tone
from dashboard.system.causes import Cause, counted, listed, number
from dashboard.system.state import SystemState, Worker

BEHIND_LATE_S, BEHIND_LOST_S = 5.0, 60.0
BUSY_SHARE = 0.9
LONG_QUEUE = 100
FAILURE_IS_NEWS_FOR = timedelta(days=1)  # of a job that has not run since: it may be gone for good
START_A_WORKER = "start one with manage.py run_worker, or everything with python3 start.py"
START_JOBS = (
    "start `celery -A tradingsite worker` and `celery -A tradingsite beat`, or everything with python3 start.py"
)


def workers_are_missing(state: SystemState) -> Cause | None:
    if state.workers is None or state.due is None:
        return None
    silent = [worker for worker in state.workers if worker.is_silent]
    if not state.workers:
        so = f"nothing is judged for {counted(state.due, 'deployment')}" if state.due else "no season will begin"
        since = state.heard.get("worker")
        return Cause(code="no-worker", tone=Tone.BAD, what="No worker runs", since=since, so=so, do=START_A_WORKER)
    if not silent or not state.due:
        return None
    unjudged = len(state.unheld or ()) + sum(worker.deployments for worker in silent if worker.holds_leases)
    return Cause(
        code="silent-workers",
        tone=Tone.BAD if unjudged else Tone.WARNING,
        what=_who_is_silent(len(silent), len(state.workers)),
        since=min(worker.heard for worker in silent),
        so=f"nothing is judged for {counted(unjudged, 'deployment')}" if unjudged else "the others judge for them",
        do=_what_to_do_for(silent),
    )


def _who_is_silent(silent: int, all_of_them: int) -> str:
    if silent == all_of_them:
        return "The only worker is silent" if silent == 1 else f"All {number(silent)} workers are silent"
    are = "is" if silent == 1 else "are"
    return f"{number(silent).capitalize()} of {number(all_of_them)} workers {are} silent"


def _what_to_do_for(silent: Sequence[Worker]) -> str:
    hung = [f"kill -9 {worker.process_id} on {worker.host}" for worker in silent if worker.holds_leases]
    if hung:
        return f"{listed(hung)}: deployments are held and shown nothing; a warden starts another worker at once"
    return f"look at the log of {listed([worker.name for worker in silent])}; {START_A_WORKER}"


def deployments_are_not_held(state: SystemState) -> Cause | None:
    if not state.unheld or not state.workers or any(worker.is_silent for worker in state.workers):
        return None
    count = len(state.unheld)
    return Cause(
        code="unheld",
        tone=Tone.WARNING,
        what=f"No worker holds {listed(state.unheld)}",
        so=f"nothing is judged for {'it' if count == 1 else 'them'}",
        do="wait some seconds if Paddock has just started; else the deployment's page says why it is not taken on",
    )


def workers_are_behind(state: SystemState) -> Cause | None:
    heard = [worker for worker in state.workers or () if not worker.is_silent]  # of the others more is said
    behind = {worker.name: late_s for worker in heard if (late_s := worker.behind_s or 0.0) > BEHIND_LATE_S}
    if not behind or (state.feed or {}).get("finished"):
        return None
    worst_s = max(behind.values())
    return Cause(
        code="behind",
        tone=Tone.BAD if worst_s > BEHIND_LOST_S else Tone.WARNING,
        what=f"{listed(list(behind))} {'is' if len(behind) == 1 else 'are'} {worst_s:.0f} s behind the market",
        so="signals come that much late",
        do="start another worker: deployments are shared out anew within seconds",
    )


def workers_are_busy(state: SystemState) -> Cause | None:
    shares = {process.instance: process.busy_share or 0.0 for process in state.of_kind("worker")}
    busy = [instance for instance, share in shares.items() if share > BUSY_SHARE]
    if not busy:
        return None
    what = f"{listed(busy)} work{'s' if len(busy) == 1 else ''} {max(shares.values()):.0%} of the time"
    return Cause(
        code="busy",
        tone=Tone.WARNING,
        what=what,
        so="the next deployment may be one too many",
        do="start another worker, or look for the dearest deployment",
    )


def deployments_are_quarantined(state: SystemState) -> Cause | None:
    if not state.quarantined:
        return None
    count = len(state.quarantined)
    return Cause(
        code="quarantined",
        tone=Tone.WARNING,
        what=f"{listed(state.quarantined)} {'is' if count == 1 else 'are'} quarantined",
        so="it harmed its worker, and its orders are judged by nobody" if count == 1 else "they harmed their workers",
        do="its page says what happened; enable it when that is mended",
    )


def strategies_do_not_load(state: SystemState) -> Cause | None:
    if not state.unloadable:
        return None
    return Cause(
        code="unloadable",
        tone=Tone.WARNING,
        what=f"{listed(state.unloadable)} cannot be loaded",
        so="what trades goes on with its kept version",
        do="manage.py liststrategies names the line",
    )


def jobs_do_not_run(state: SystemState) -> Cause | None:
    if state.processes is None:
        return None
    missing = [name for kind, name in (("jobs", "job worker"), ("beat", "beat")) if not state.of_kind(kind)]
    if not missing:
        return None
    kind = "jobs" if "job worker" in missing else "beat"
    return Cause(
        code="no-jobs",
        tone=Tone.WARNING,
        what=f"No {' and no '.join(missing)} runs",
        since=state.heard.get(kind),
        so="nothing is tidied up, and no message is sent" if kind == "jobs" else "no job is begun by the clock",
        do=START_JOBS,
    )


def jobs_wait_or_fail(state: SystemState) -> Cause | None:
    if state.jobs is None:
        return None
    waiting = sum(state.jobs.queues.values())
    if waiting > LONG_QUEUE and state.of_kind("jobs"):
        what = f"{waiting:,} jobs wait"
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
    what = f"The last run of {names} failed"
    return Cause(code="job-failed", tone=Tone.WARNING, what=what, since=newest, do="the log of the jobs says why")
