"""What people request of a deployment: flatten, deposit or withdraw, close a position, cancel an order.

Entries are stopped and allowed in `services`, because that is a status of the deployment, too.
"""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from portfolios.commands import payments
from portfolios.commands.arguments import Arguments, Cancel, Close, Flatten
from portfolios.commands.queue import open_command, request_command
from portfolios.models import Account, Command, Order, Position
from strategies.deployments.services import set_status
from strategies.models import Deployment, DeploymentStatus
from trading.fills import plain
from trading.orders import OrderStatus

LIVE = [status.value for status in OrderStatus if status.is_live]
MOST_NAMED = 20
_UNWORKED = {DeploymentStatus.DISABLED, DeploymentStatus.QUARANTINED}


@transaction.atomic
def flatten_deployment(*, deployment: Deployment, by: str) -> Command:
    """Pause the deployment, and have its worker cancel all its orders and close every position at market.

    It stays paused afterwards. Requested again meanwhile, the first command goes on.

    Raises:
        ValidationError: it has no open account, or harmed its worker.
    """
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update())
    if deployment.status == DeploymentStatus.QUARANTINED:
        raise ValidationError(f"{deployment.slug} is quarantined: no worker takes it; enable it first, or reset it")
    account = _open_account(deployment, "nothing is open")
    running = open_command(account, Flatten())
    if running is not None and deployment.status == DeploymentStatus.PAUSED:
        return running
    reason = f"flatten by {by}"
    set_status(deployment, DeploymentStatus.PAUSED, "flatten", f"{reason}: paused, all is closed", by=by, reason=reason)
    return running or request_command(account=account, arguments=Flatten(), by=by)


def request_payment(*, deployment: Deployment, amount: Decimal, currency: str, by: str, note: str = "") -> Command:
    """Request a deposit into the deployment's account (+) or a withdrawal from it (-).

    Raises:
        ValidationError: per field, or it has no open account.
    """
    account = _open_account(deployment, "it gets one when a season runs")
    return payments.request_payment(account=account, amount=amount, currency=currency, by=by, note=note)


@transaction.atomic
def close_position(*, deployment: Deployment, symbol: str, qty: Decimal | None = None, by: str) -> Command:
    """Have the worker close a position at market: ``qty`` base units, or all of it.

    The strategy goes on. The same requested again before it is done: the first command goes on.

    Raises:
        ValidationError: per field; nothing is held of the symbol, or no worker takes the deployment.
    """
    account = _workable_account(deployment)
    held = Position.objects.filter(account=account).exclude(qty=0)
    position = held.filter(symbol=symbol).first()
    if position is None:
        symbols = ", ".join(held.order_by("symbol").values_list("symbol", flat=True)[:MOST_NAMED])
        raise ValidationError(
            {"symbol": f"{deployment.slug} has no open position in {symbol}; it has {symbols or 'none'}"}
        )
    most = abs(position.qty)
    if qty is not None and not (qty.is_finite() and 0 < qty <= most):
        raise ValidationError({"qty": f"qty is {plain(qty)}; expected a number above 0, at most {plain(most)}"})
    return _requested_once(account, Close(symbol, qty), by)


@transaction.atomic
def cancel_order(*, deployment: Deployment, order_id: str, by: str) -> Command:
    """Have the worker cancel one order; the cancellation takes the latency, and what fills until then is filled.

    The same requested again before it is done: the first command goes on.

    Raises:
        ValidationError: it has no such open order, or no worker takes the deployment.
    """
    account = _workable_account(deployment)
    order = Order.objects.filter(account=account, order_id=order_id).first()
    if order is None:
        raise ValidationError({"order_id": f"{deployment.slug} has no order {order_id}"})
    if order.status not in LIVE:
        raise ValidationError({"order_id": f"order {order_id} is {order.status}: nothing is left to cancel"})
    return _requested_once(account, Cancel(order_id), by)


def _workable_account(deployment: Deployment) -> Account:
    """Return the account of a deployment that a worker takes, both as they are in the database, locked."""
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update())
    if deployment.status in _UNWORKED:
        raise ValidationError(f"{deployment.slug} is {deployment.status}: no worker takes it; enable it first")
    return _open_account(deployment, "nothing is open")


def _open_account(deployment: Deployment, otherwise: str) -> Account:
    account = Account.objects.filter(deployment=deployment, closed_at=None).first()
    if account is None:
        raise ValidationError(f"{deployment.slug} has no open account: {otherwise}")
    return account


def _requested_once(account: Account, arguments: Arguments, by: str) -> Command:
    return open_command(account, arguments) or request_command(account=account, arguments=arguments, by=by)
