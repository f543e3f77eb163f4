"""What befell a deployment, told its readers: errors, margin events, gaps."""

from __future__ import annotations

from strategies.hosting import Hosted
from strategies.models import DeploymentEvent
from strategies.services import halt_deployment
from trading.frames import utc
from trading.outcome import Outcome


def record_happenings(hosted: Hosted) -> None:
    """Write errors, margin events and gaps, and pause what errors have halted. Safe to repeat."""
    rows = []
    for outcome in hosted.outcomes:
        for at, error in enumerate(outcome.errors):
            rows.append(_event(hosted, outcome, f"error-{at}", "error", error.summary, error.traceback))
            if error.halted:
                reason = f"paused after errors in a row: {error.summary}"
                halt_deployment(deployment_id=hosted.deployment_id, reason=reason)
        for at, event in enumerate(outcome.margin):
            rows.append(_event(hosted, outcome, f"margin-{at}", event.kind.value, event.sentence, ""))
        if outcome.gap is not None:
            seconds = (outcome.gap.to_ns - outcome.gap.from_ns) / 1e9
            summary = f"{seconds:.1f} s of the market were not seen: {outcome.gap.reason}"
            gap = _event(hosted, outcome, "gap", "gap", summary, "")
            gap.since, gap.time = utc(outcome.gap.from_ns), utc(outcome.gap.to_ns)
            rows.append(gap)
    DeploymentEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _event(hosted: Hosted, outcome: Outcome, ordinal: str, kind: str, summary: str, detail: str) -> DeploymentEvent:
    return DeploymentEvent(
        deployment_id=hosted.deployment_id,
        event_id=f"{hosted.account_id}-{outcome.sequence}-{ordinal}",
        kind=kind,
        summary=summary[:300],
        detail=detail,
        sequence=outcome.sequence,
        time=utc(outcome.time_ns),
    )
