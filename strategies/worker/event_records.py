"""Event records: a deployment's errors, margin events, gaps, and how far its commands have come."""

from __future__ import annotations

from strategies.deployments.events import record_event
from strategies.deployments.services import halt_deployment
from strategies.worker.hosting import Hosted
from trading.engine.outcome import Outcome
from trading.frames import Gap, utc


def record_events(hosted: Hosted) -> None:
    """Write errors, margin events and gaps, and pause what errors have halted. Safe to repeat."""
    for outcome in hosted.outcomes:
        for at, error in enumerate(outcome.errors):
            _record(hosted, outcome, f"error-{at}", "error", error.summary, detail=error.traceback)
            if error.halted:
                reason = f"paused after errors in a row: {error.summary}"
                halt_deployment(deployment_id=hosted.deployment_id, reason=reason)
        for at, event in enumerate(outcome.margin):
            _record(hosted, outcome, f"margin-{at}", event.kind.value, event.sentence)
        if outcome.gap is not None:
            _record_gap(hosted, outcome, outcome.gap)


def _record(hosted: Hosted, outcome: Outcome, ordinal: str, kind: str, summary: str, *, detail: str = "") -> None:
    event_id = f"{hosted.account_id}-{outcome.sequence}-{ordinal}"
    at = utc(outcome.time_ns)
    record_event(hosted.deployment, event_id, kind, summary, detail=detail, sequence=outcome.sequence, time=at)


def _record_gap(hosted: Hosted, outcome: Outcome, gap: Gap) -> None:
    event_id = f"{hosted.account_id}-{outcome.sequence}-gap"
    since, until = utc(gap.from_ns), utc(gap.to_ns)
    summary = f"{(gap.to_ns - gap.from_ns) / 1e9:.1f} s of the market were not seen: {gap.reason}"
    record_event(hosted.deployment, event_id, "gap", summary, sequence=outcome.sequence, since=since, time=until)
