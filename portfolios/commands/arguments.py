"""What each kind of command carries: its arguments, and what came of it. Stored as JSON, decimals as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from portfolios.models import Command, CommandKind
from trading.fills import plain


class Flatten(msgspec.Struct, frozen=True):
    """Cancel all orders and close every position at market."""


class StopEntries(msgspec.Struct, frozen=True):
    """Open and enlarge nothing; entries that rest in the book are cancelled."""


class AllowEntries(msgspec.Struct, frozen=True):
    """Open and enlarge positions again."""


class Pay(msgspec.Struct, frozen=True):
    """Deposit or withdraw. It moves the starting balance, never the profit."""

    amount: Decimal  # deposited (+) or withdrawn (-)
    currency: str
    note: str = ""


class Close(msgspec.Struct, frozen=True):
    """Close a position at market."""

    symbol: str
    qty: Decimal | None = None  # base units; None: all of it


class Cancel(msgspec.Struct, frozen=True):
    """Cancel one order."""

    order_id: str


class Paid(msgspec.Struct, frozen=True):
    """A payment that was applied."""

    value: Decimal  # account currency, at mid when it was applied; signed


class Flattened(msgspec.Struct, frozen=True):
    """A flatten that is done."""

    orders: int  # market orders that it took


class Closing(msgspec.Struct, frozen=True):
    """The order that closes a position."""

    order_id: str


Arguments = Flatten | StopEntries | AllowEntries | Pay | Close | Cancel
Result = Paid | Flattened | Closing

STRUCTS: dict[CommandKind, type[Arguments]] = {
    CommandKind.FLATTEN: Flatten,
    CommandKind.STOP_ENTRIES: StopEntries,
    CommandKind.ALLOW_ENTRIES: AllowEntries,
    CommandKind.PAY: Pay,
    CommandKind.CLOSE: Close,
    CommandKind.CANCEL: Cancel,
}
_KINDS = {struct: kind for kind, struct in STRUCTS.items()}


def kind_of(arguments: Arguments) -> CommandKind:
    """Return the kind of command that has these arguments."""
    return _KINDS[type(arguments)]


def arguments_of(command: Command) -> Arguments:
    """Return what a command carries.

    Raises:
        msgspec.ValidationError: the row was not written by `request_command`.
    """
    return msgspec.convert(command.arguments, STRUCTS[CommandKind(command.kind)])


def stored(fields: Arguments | Result) -> dict[str, Any]:
    """Return arguments or a result as the row keeps them."""
    return {name: _spelled(value) for name, value in msgspec.structs.asdict(fields).items() if value is not None}


def _spelled(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


def sentence(arguments: Arguments) -> str:
    """Return what is requested, in words."""
    match arguments:
        case Flatten():
            return "flatten"
        case StopEntries():
            return "stop entries"
        case AllowEntries():
            return "allow entries"
        case Pay(amount=amount, currency=currency):
            return f"{'deposit' if amount > 0 else 'withdrawal'} of {plain(abs(amount))} {currency}"
        case Close(symbol=symbol, qty=qty):
            return f"close {symbol}" if qty is None else f"close {plain(qty)} of {symbol}"
        case Cancel(order_id=order_id):
            return f"cancel order {order_id}"
