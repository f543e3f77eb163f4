"""Everything the system page shows at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from dashboard.page.scene import Scene
from dashboard.system.processes import SHARES, Process
from dashboard.system.readings import Run
from dashboard.system.state import SystemState, system_state
from dashboard.system.summary import SystemWords, system_words
from dashboard.system.vitals import Vitals, vitals

# The order of the table: along the way of a frame.
KINDS = ("feed", "worker", "warden", "web", "jobs", "beat")
MEANINGS = {
    "feed": "market data",
    "worker": "runs deployments",
    "warden": "supervises a worker",
    "web": "pages and API",
    "jobs": "runs jobs",
    "beat": "schedules jobs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """A scheduled job."""

    name: str
    task: str
    every_s: float | None  # None: at times of the day
    last: Run | None  # None: no recorded run
    is_overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemScene(Scene):
    """The system page."""

    state: SystemState

    @property
    def words(self) -> SystemWords:
        """The summary, with the feed's present state."""
        return system_words(self._now)

    @property
    def vitals(self) -> Vitals:
        """The key figures, with the feed's present state."""
        return vitals(self._now)

    @property
    def _now(self) -> SystemState:
        return replace(self.state, feed=self.feed)

    @property
    def processes(self) -> list[tuple[Process, str, list[tuple[str, str]]]]:
        """The running processes with their purpose and figures, in the order of `KINDS`."""
        ordered = sorted(self.state.processes or (), key=lambda p: (_place(p.kind), p.instance))
        return [(process, MEANINGS.get(process.kind, ""), figures_in_words(process.figures)) for process in ordered]

    @property
    def missing_kinds(self) -> list[tuple[str, datetime | None]]:
        """Kinds with no running process, with the time one was last seen."""
        kinds = {process.kind for process in self.state.processes or ()}
        return [(kind, self.state.last_seen.get(kind)) for kind in KINDS if kind not in kinds and kind != "warden"]

    @property
    def schedule(self) -> list[Periodic]:
        """The scheduled jobs."""
        return schedule(self.state)


def system_scene() -> SystemScene:
    """Return the system as it is now."""
    state = system_state()
    return SystemScene(season=state.season, feed=state.feed, state=state)


def schedule(state: SystemState) -> list[Periodic]:
    """Return the scheduled jobs of the settings."""
    runs = state.jobs.runs if state.jobs else {}
    return [_periodic(name, entry, runs, state) for name, entry in sorted(settings.CELERY_BEAT_SCHEDULE.items())]


def _periodic(name: str, entry: Mapping[str, Any], runs: Mapping[str, Run], state: SystemState) -> Periodic:
    last, every = runs.get(entry["task"]), entry["schedule"]
    every_s = float(every) if isinstance(every, int | float) else None
    late_s = 0.0 if last is None else (state.now - last.at).total_seconds()
    # Twice the time: once for the run that is due, once for a queue in front of it.
    is_overdue = every_s is not None and last is not None and late_s > 2 * every_s + 60
    return Periodic(name=name, task=entry["task"], every_s=every_s, last=last, is_overdue=is_overdue)


def figures_in_words(figures: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return figures as text."""
    return [(word, _in_words(word, value)) for word, value in figures.items()]


def _in_words(word: str, value: float) -> str:
    if word == "publishing":
        return "yes" if value else "no, standby"
    if word in SHARES:
        return f"{value:.1%}".replace("%", " %")
    if word.startswith(("bytes", "pushed bytes")):
        return filesizeformat(value)
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _place(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)
