"""The request for a deposit or a withdrawal."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError

from portfolios.commands.payments import ask_payment
from portfolios.models import Account, Payment
from strategies.models import Deployment


def ask_to_pay(*, deployment: Deployment, amount: Decimal, currency: str, by: str, note: str = "") -> Payment:
    """Ask for a payment into the deployment's account (+) or out of it (-).

    Raises:
        ValidationError: per field, or it has no open account.
    """
    account = Account.objects.filter(deployment=deployment, closed_at=None).first()
    if account is None:
        raise ValidationError(f"{deployment.slug} has no open account: it gets one when a season runs")
    return ask_payment(account=account, amount=amount, currency=currency, by=by, note=note)
