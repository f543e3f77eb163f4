"""Deposits and withdrawals: amounts that can be paid, and what was paid so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from re import fullmatch

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from portfolios.commands.arguments import Pay, arguments_of, sentence
from portfolios.commands.older_states import OF_PAYMENTS
from portfolios.commands.queue import request_command
from portfolios.models import Account, Command, CommandKind, CommandState

CURRENCY = r"[A-Z0-9.]{2,10}"
MOST = Decimal(10) ** 15
NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Payment:
    """A deposit or withdrawal, as it is listed."""

    number: int
    amount: Decimal  # deposited (+) or withdrawn (-)
    currency: str
    note: str
    by: str
    requested_at: datetime  # wall clock
    state: str  # asked, applied or refused
    message: str  # why it was rejected
    value: Decimal | None  # account currency, at mid when it was applied; None unless it was
    applied_at: datetime | None  # the market's clock

    @property
    def size(self) -> Decimal:
        """The amount without its direction."""
        return abs(self.amount)

    @property
    def words(self) -> str:
        """What was requested, in words."""
        return sentence(Pay(self.amount, self.currency))


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


def request_payment(*, account: Account, amount: Decimal, currency: str, by: str, note: str = "") -> Command:
    """Request a deposit (+) or a withdrawal (-); the worker that holds the account applies it.

    Raises:
        ValidationError: per field, or the account is closed.
    """
    check_amount(amount)
    if not fullmatch(CURRENCY, currency):
        raise ValidationError({"currency": f"currency is {currency!r}; expected one like USD or BTC"})
    if len(note) > NOTE_LENGTH:
        raise ValidationError({"note": f"note has {len(note)} characters; expected at most {NOTE_LENGTH}"})
    return request_command(account=account, arguments=Pay(amount, currency, note), by=by, note=note)


def payments_of(account: Account | int | None, most: int) -> list[Payment]:
    """Return the newest deposits and withdrawals of an account, newest first."""
    return [payment_of(command) for command in _payments(account).order_by("-pk")[:most]]


def payment_of(command: Command) -> Payment:
    """Return the payment that a command of that kind requests."""
    arguments = arguments_of(command)
    assert isinstance(arguments, Pay), f"{command.key} is no payment"
    return Payment(
        number=command.number,
        amount=arguments.amount,
        currency=arguments.currency,
        note=arguments.note,
        by=command.requested_by,
        requested_at=command.requested_at,
        state=OF_PAYMENTS[CommandState(command.state)],
        message=command.message,
        value=Decimal(command.result["value"]) if command.result else None,
        applied_at=command.began_at,
    )


def applied_payments(account: Account) -> list[tuple[datetime | None, Decimal]]:
    """Return when and how much was paid in (+) or out (-) in the account's currency, in the order of application."""
    applied = _payments(account).filter(state=CommandState.DONE).order_by("began_sequence", "pk")
    return [(command.began_at, Decimal(command.result["value"])) for command in applied]


def _payments(account: Account | int | None) -> QuerySet[Command]:
    return Command.objects.filter(account=account, kind=CommandKind.PAY)
