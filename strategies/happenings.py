"""What befell a deployment, told its readers: errors, margin events, gaps."""

from __future__ import annotations

from strategies.events import record_event
from strategies.hosting import Hosted
from strategies.models import Deployment
from strategies.services import halt_deployment
from trading.frames import utc
from trading.outcome import Outcome


def record_happenings(hosted: Hosted) -> None:
    """Write errors, margin events and gaps, and pause what errors have halted. Safe to repeat."""
    for outcome in hosted.outcomes:
        for at, error in enumerate(outcome.errors):
            _record(hosted, outcome, f"error-{at}", "error", error.summary, error.traceback)
            if error.halted:
                reason = f"paused after errors in a row: {error.summary}"
                halt_deployment(deployment_id=hosted.deployment_id, reason=reason)
        for at, event in enumerate(outcome.margin):
            _record(hosted, outcome, f"margin-{at}", event.kind.value, event.sentence)
        if outcome.gap is not None:
            seconds = (outcome.gap.to_ns - outcome.gap.from_ns) / 1e9
            summary = f"{seconds:.1f} s of the market were not seen: {outcome.gap.reason}"
            _record(hosted, outcome, "gap", "gap", summary)


def _record(hosted: Hosted, outcome: Outcome, ordinal: str, kind: str, summary: str, detail: str = "") -> None:
    record_event(
        Deployment(pk=hosted.deployment_id, slug=hosted.engine.terms.slug),
        f"{hosted.account_id}-{outcome.sequence}-{ordinal}",
        kind,
        summary,
        time=utc(outcome.time_ns),
        detail=detail,
        sequence=outcome.sequence,
    )
