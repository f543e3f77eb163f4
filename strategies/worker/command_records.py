"""Command records: how far a deployment's commands have come, written with the facts they made."""

from __future__ import annotations

from portfolios.commands.arguments import Flattened
from portfolios.commands.queue import record_commands, record_end, record_wait
from portfolios.models import CommandState
from strategies.deployments.events import record_event
from strategies.worker.hosting import Hosted
from trading.engine import flattening
from trading.engine.outcome import Outcome
from trading.frames import utc


def record_progress(hosted: Hosted) -> None:
    """Write how far commands have come. Safe to repeat; it belongs in the transaction that writes the outcomes."""
    record_commands(hosted.commands)
    for outcome in hosted.outcomes:
        if outcome.flattened is not None:
            _record_flattened(hosted, outcome, outcome.flattened)
    under_way = hosted.engine.state.flattening
    waits_for = None if under_way is None else under_way.waits_for
    if under_way is not None and waits_for is not None and waits_for != hosted.recorded_wait:
        record_wait(key=under_way.command_id, message=waits_for)
    hosted.recorded_wait = waits_for


def _record_flattened(hosted: Hosted, outcome: Outcome, done: flattening.Flattened) -> None:
    at = utc(outcome.time_ns)
    is_new = record_end(
        key=done.command_id,
        state=CommandState.DONE,
        message=done.dust,
        sequence=outcome.sequence,
        at=at,
        result=Flattened(orders=done.orders),
    )
    if not is_new:
        return
    orders = "1 market order" if done.orders == 1 else f"{done.orders} market orders"
    summary = f"flattened, as {done.by} had commanded, with {orders}"
    if done.dust:
        summary = f"{summary}; {done.dust}"
    event_id = f"{hosted.account_id}-{outcome.sequence}-flattened"
    record_event(hosted.deployment, event_id, "flatten", summary, sequence=outcome.sequence, time=at)
