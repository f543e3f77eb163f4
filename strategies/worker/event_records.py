"""What befell a deployment, told its readers: errors, margin events, gaps."""

from __future__ import annotations

from portfolios.commands.flattening import record_begun, record_done, record_wait
from strategies.deployments.events import record_event
from strategies.deployments.services import halt_deployment
from strategies.worker.hosting import Hosted
from trading.engine.outcome import Outcome
from trading.engine.state import Flattened
from trading.frames import Gap, utc


def record_happenings(hosted: Hosted) -> None:
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


FLATTENING_ID_PREFIX = "flatten-"


def record_flattenings(hosted: Hosted) -> None:
    """Write how far commands have come. Safe to repeat."""
    record_begun(hosted.flattenings)
    for outcome in hosted.outcomes:
        if outcome.flattened is not None:
            _record_done(hosted, outcome, outcome.flattened)
    under_way = hosted.engine.flattening
    told = None if under_way is None else under_way.waits_for
    if told is not None and under_way is not None and told != hosted.wait_told:
        record_wait(pk=_row_id(under_way.command_id), sentence=told)
    hosted.wait_told = told


def _record_done(hosted: Hosted, outcome: Outcome, done: Flattened) -> None:
    at = utc(outcome.time_ns)
    pk = _row_id(done.command_id)
    if not record_done(pk=pk, orders=done.orders, dust=done.dust, sequence=outcome.sequence, at=at):
        return
    orders = "1 market order" if done.orders == 1 else f"{done.orders} market orders"
    summary = f"flattened, as {done.by} had commanded, with {orders}"
    if done.dust:
        summary = f"{summary}; {done.dust}"
    event_id = f"{hosted.account_id}-{outcome.sequence}-flattened"
    record_event(hosted.deployment, event_id, "flatten", summary, sequence=outcome.sequence, time=at)


def _row_id(command_id: str) -> int:
    return int(command_id.removeprefix(FLATTENING_ID_PREFIX))
