"""Payments of the owner as rows: asked for, applied or refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from re import fullmatch

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from portfolios.audit import note_change
from portfolios.models import Account, Payment, PaymentState

CURRENCY = r"[A-Z0-9.]{2,10}"
MOST = Decimal(10) ** 15
_CLOSED = "the account was closed before it was applied"


def payment_amount(text: str) -> Decimal:
    """Return the amount that ``text`` spells.

    Raises:
        ValidationError: not a number but zero, too large, or finer than what is kept.
    """
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValidationError({"amount": f"amount is {text!r}; expected a number like 50 or -0.01"}) from None
    check_amount(amount)
    return amount


def check_amount(amount: Decimal) -> None:
    """Check that an amount can be paid.

    Raises:
        ValidationError: not a number but zero, too large, or finer than what is kept.
    """
    if not amount.is_finite() or not 0 < abs(amount) < MOST:
        raise ValidationError({"amount": f"amount is {amount}; expected a number above or below zero, under {MOST}"})
    if amount != round(amount, 10):
        raise ValidationError({"amount": f"amount is {amount}; expected at most ten decimals"})


@transaction.atomic
def ask_payment(*, account: Account, amount: Decimal, currency: str, by: str, note: str = "") -> Payment:
    """Ask for a payment into the account (+) or out of it (-); the worker that holds it applies it.

    Raises:
        ValidationError: per field, or the account is closed.
    """
    check_amount(amount)
    if not fullmatch(CURRENCY, currency):
        raise ValidationError({"currency": f"currency is {currency!r}; expected one like USD or BTC"})
    if account.closed_at is not None:
        raise ValidationError(f"the account of {account.slug} is closed: nothing can be paid into it or out of it")
    payment = Payment(account=account, amount=amount, currency=currency, by=by[:150], note=note)
    payment.full_clean()
    payment.save()
    action = "paid in" if amount > 0 else "taken out"
    note_change(by=by, kind="payment", subject=account.slug, action=action, sentence=f"{payment} is asked for. {note}")
    return payment


def payments_to_apply(accounts: Iterable[int]) -> QuerySet[Payment]:
    """Return what is asked of these open accounts, in the order of asking, locked until the transaction ends."""
    asked = Payment.objects.select_for_update(of=("self",)).filter(state=PaymentState.ASKED)
    return asked.filter(account__in=list(accounts), account__closed_at=None).order_by("pk")


@transaction.atomic
def record_payments(payments: Sequence[Payment]) -> None:
    """Write what became of payments; it belongs in the transaction that writes the facts they made."""
    for payment in payments:
        payment.save(update_fields=["state", "sentence", "value", "sequence", "applied_at"])


def refuse_open_payments(accounts: QuerySet[Account]) -> None:
    """Refuse what is still asked of accounts that are being closed."""
    open_payments = Payment.objects.filter(account__in=accounts, state=PaymentState.ASKED)
    open_payments.update(state=PaymentState.REFUSED, sentence=_CLOSED)
