"""The key figures of the system; None where unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.system.state import SystemState


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Lag, rates and queues."""

    lag_ms: float | None  # exchange timestamp to receipt, newest
    lag_p99_ms: float | None  # within ten minutes
    frames_per_s: float | None  # published
    behind_s: float | None  # of the worker that is furthest behind
    evaluations_per_s: float | None
    busiest: float | None  # share of time the busiest worker is busy
    requests_per_s: float | None
    open_sockets: float | None
    queued_jobs: int | None


def vitals(state: SystemState) -> Vitals:
    """Return them as they are now."""
    lag_ms = (state.feed or {}).get("lag_ms") or {}
    return Vitals(
        lag_ms=lag_ms.get("newest"),
        lag_p99_ms=lag_ms.get("p99"),
        frames_per_s=_total(state.figures("feed", "frames a second")),
        behind_s=max((w.behind_s for w in state.workers or () if w.behind_s is not None), default=None),
        evaluations_per_s=_total(state.figures("worker", "evaluations a second")),
        busiest=max((shares for p in state.of_kind("worker") if (shares := p.busy_share) is not None), default=None),
        requests_per_s=_total(state.figures("web", "requests a second")),
        open_sockets=_total(state.figures("web", "open sockets")),
        queued_jobs=sum(state.jobs.queues.values()) if state.jobs else None,
    )


def _total(figures: Iterable[float]) -> float | None:
    known = list(figures)
    return sum(known) if known else None
