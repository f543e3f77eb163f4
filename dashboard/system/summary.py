"""The system's status and what to do about problems, most serious cause first.

A rule looks at the state and returns a cause, or None. To add one: a function and its place in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.page.banner import Tone
from dashboard.system import server_rules, work_rules
from dashboard.system.causes import Cause, counted
from dashboard.system.state import SystemState

Rule = Callable[[SystemState], Cause | None]

RULES: tuple[Rule, ...] = (
    server_rules.database_is_away,
    server_rules.redis_is_away,
    server_rules.disk_is_full,
    server_rules.market_data_is_not_ok,
    work_rules.workers_are_missing,
    work_rules.deployments_are_not_held,
    work_rules.workers_are_behind,
    work_rules.workers_are_busy,
    work_rules.deployments_are_quarantined,
    work_rules.jobs_do_not_run,
    work_rules.jobs_wait_or_fail,
    work_rules.strategies_do_not_load,
    server_rules.database_is_strained,
    server_rules.redis_is_strained,
    server_rules.redis_evicts,
    server_rules.redis_is_not_saved,
    server_rules.backup_is_old,
    server_rules.clocks_disagree,
    server_rules.versions_differ,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemWords:
    """The summary of the system page."""

    tone: Tone
    answer: str
    sentence: str
    head: Cause | None  # None: no problems
    also: tuple[Cause, ...]  # most serious first


def system_words(state: SystemState) -> SystemWords:
    """Return the summary of the system."""
    causes = [cause for rule in RULES if (cause := rule(state)) is not None]
    if not causes:
        return SystemWords(tone=Tone.GOOD, answer="All systems OK", sentence=_all_clear(state), head=None, also=())
    head = next((cause for cause in causes if cause.tone is Tone.BAD), causes[0])
    also = [cause for cause in causes if cause is not head]
    also.sort(key=lambda cause: cause.tone is not Tone.BAD)  # stable: keeps the rules' order among equals
    answer = "System error" if head.tone is Tone.BAD else "Running with warnings"
    return SystemWords(tone=head.tone, answer=answer, sentence=head.sentence, head=head, also=tuple(also))


def _all_clear(state: SystemState) -> str:
    count = len(state.workers or ())
    deployments = counted(state.due or 0, "deployment")
    return f"Receiving frames; {counted(count, 'worker')} run{'s' if count == 1 else ''} {deployments}; jobs running."
