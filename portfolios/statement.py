"""An account's statement: what it holds and owes, and what it did lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portfolios.commands.payments import Payment, payments_of
from portfolios.models import (
    Account,
    Balance,
    Fill,
    InstrumentFigures,
    Order,
    Position,
    RoundTrip,
)
from portfolios.results.exits import ExitFigures, exit_figures
from portfolios.rows.valuations import waiting_of
from portfolios.selectors import newest_fills
from trading.orders import OrderStatus

ROWS_SHOWN = 30
OPEN_STATUSES = tuple(status.value for status in OrderStatus if status.is_live)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatement:
    """Rows of one account; those that grow with time newest first, at most `ROWS_SHOWN` of each. Empty without one."""

    balances: list[Balance] = field(default_factory=list)  # by currency
    positions: list[Position] = field(default_factory=list)  # open ones, by symbol
    instruments: list[InstrumentFigures] = field(default_factory=list)  # by symbol
    open_orders: list[Order] = field(default_factory=list)
    waiting: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # order id -> what it waits for
    refused_orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    round_trips: list[RoundTrip] = field(default_factory=list)
    exits: list[ExitFigures] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)


def account_statement(account: Account | None) -> AccountStatement:
    """Return the statement as of now."""
    if account is None:
        return AccountStatement()
    orders = Order.objects.filter(account=account).order_by("-sequence", "-id")
    trips = RoundTrip.objects.filter(account=account).order_by("-sequence", "-id")
    return AccountStatement(
        balances=list(Balance.objects.filter(account=account).order_by("currency")),
        positions=list(Position.objects.filter(account=account).exclude(qty=0).order_by("symbol")),
        instruments=list(InstrumentFigures.objects.filter(account=account).order_by("symbol")),
        open_orders=list(orders.filter(status__in=OPEN_STATUSES)[:ROWS_SHOWN]),
        waiting=waiting_of(account),
        refused_orders=list(orders.filter(status=OrderStatus.REFUSED.value)[:ROWS_SHOWN]),
        fills=list(newest_fills(account)[:ROWS_SHOWN]),
        round_trips=list(trips[:ROWS_SHOWN]),
        exits=exit_figures(account),
        payments=payments_of(account, ROWS_SHOWN),
    )
