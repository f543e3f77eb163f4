"""Event records: deployments' errors, margin events, gaps, and how far their commands have come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from strategies.deployments.events import event_of, record_events
from strategies.deployments.services import halt_deployment
from strategies.models import DeploymentEvent
from strategies.worker.hosting import Hosted
from trading.engine.outcome import Outcome
from trading.frames import Gap, utc


def record_outcomes(all_hosted: Iterable[Hosted]) -> None:
    """Write errors, margin events and gaps, and pause what errors have halted. Safe to repeat."""
    all_hosted = [hosted for hosted in all_hosted if hosted.outcomes or hosted.notices]
    record_events(event for hosted in all_hosted for event in _events(hosted))
    for hosted in all_hosted:
        for error in (error for outcome in hosted.outcomes for error in outcome.errors if error.halted):
            reason = f"paused after errors in a row: {error.summary}"
            halt_deployment(deployment_id=hosted.deployment_id, reason=reason)


def _events(hosted: Hosted) -> Iterator[DeploymentEvent]:
    deployment = hosted.deployment
    yield from hosted.notices

    def event(outcome: Outcome, ordinal: str, kind: str, summary: str, *, detail: str = "") -> DeploymentEvent:
        event_id = f"{hosted.account_id}-{outcome.sequence}-{ordinal}"
        at = utc(outcome.time_ns)
        return event_of(deployment, event_id, kind, summary, detail=detail, sequence=outcome.sequence, time=at)

    for outcome in hosted.outcomes:
        for at, error in enumerate(outcome.errors):
            yield event(outcome, f"error-{at}", "error", error.summary, detail=error.traceback)
        for at, margin in enumerate(outcome.margin):
            yield event(outcome, f"margin-{at}", margin.kind.value, margin.sentence)
        if outcome.gap is not None:
            gap = event(outcome, "gap", "gap", _sentence(outcome.gap))
            gap.since, gap.time = utc(outcome.gap.from_ns), utc(outcome.gap.to_ns)
            yield gap


def _sentence(gap: Gap) -> str:
    return f"{(gap.to_ns - gap.from_ns) / 1e9:.1f} s of the market were not seen: {gap.reason}"
