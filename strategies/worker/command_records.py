"""Command records: how far a deployment's commands have come, written with the facts they made."""

from __future__ import annotations

from portfolios.commands.arguments import Flattened
from portfolios.commands.queue import record_commands, record_end, record_wait
from portfolios.models import CommandKind, CommandState
from strategies.deployments.events import event_of, record_events
from strategies.worker.hosting import AwaitedOrder, Hosted
from trading.engine import state
from trading.engine.outcome import Outcome
from trading.frames import utc
from trading.orders import CancelRequest, Order, OrderStatus


def record_progress(hosted: Hosted) -> None:
    """Write how far commands have come. Safe to repeat; it belongs in the transaction that writes the outcomes."""
    if hosted.commands:
        record_commands(hosted.commands)
    for outcome in hosted.outcomes:
        if outcome.flattened is not None:
            _record_flattened(hosted, outcome, outcome.flattened)
    for awaited in hosted.awaited:
        _record_awaited(hosted, awaited)
    under_way = hosted.engine.flattening
    waits_for = None if under_way is None else under_way.waits_for
    if under_way is not None and waits_for is not None and waits_for != hosted.recorded_wait:
        record_wait(key=under_way.command_id, message=waits_for)
    hosted.recorded_wait = waits_for


def _record_awaited(hosted: Hosted, awaited: AwaitedOrder) -> None:
    """Write the end of a command whose order has ended, or could not be cancelled."""
    # An order is one object in all outcomes: it ended in the last that names it.
    last = next((outcome for outcome in reversed(hosted.outcomes) if awaited.order_id in outcome.orders), None)
    if last is None:
        return
    order = last.orders[awaited.order_id]
    is_requested = any(
        isinstance(request, CancelRequest) and request.order_id == order.order_id for request in hosted.engine.requests
    )
    end = _end_of_cancelling(order, is_requested=is_requested) if awaited.kind == CommandKind.CANCEL else _end_of(order)
    if end is None:
        return
    ended_as, message = end
    record_end(key=awaited.key, state=ended_as, message=message, sequence=last.sequence, at=utc(last.time_ns))
    hosted.ended.add(awaited.key)


def _end_of(order: Order) -> tuple[CommandState, str] | None:
    """Return how a command to close ended with its order, None while that is live."""
    if order.status.is_live:
        return None
    if order.status is OrderStatus.FILLED:
        return CommandState.DONE, ""
    reason = order.refusal.sentence if order.refusal else order.status.value
    if order.filled_lots:
        return CommandState.DONE, f"closed in part: {reason}"
    return CommandState.REJECTED, reason


def _end_of_cancelling(order: Order, *, is_requested: bool) -> tuple[CommandState, str] | None:
    """Return how a command to cancel ended, None while the request is on its way."""
    if order.status is OrderStatus.CANCELLED:
        return CommandState.DONE, ""
    if not order.status.is_live:
        return CommandState.REJECTED, f"the order was {order.status.value} before the cancellation arrived"
    if is_requested:
        return None
    return CommandState.REJECTED, order.refusal.sentence if order.refusal else "the exchange did not cancel it"


def _record_flattened(hosted: Hosted, outcome: Outcome, done: state.Flattened) -> None:
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
    record_events([event_of(hosted.deployment, event_id, "flatten", summary, sequence=outcome.sequence, time=at)])
