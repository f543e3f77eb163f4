"""Rows written before there were columns for margin are filled as far as other rows allow."""

from decimal import Decimal as D
from importlib import import_module

import pytest
from django.db import connection

from portfolios.models import Balance, Fill, LedgerEntry, Order, RoundTrip, Standing
from tests.rows import NOON, enter, fill, open_season, stand

pytestmark = pytest.mark.django_db
old_rows = import_module("portfolios.migrations.0006_margin_of_old_rows")


def migrate():
    with connection.cursor() as cursor:
        for operation in old_rows.Migration.operations:
            cursor.execute(operation.sql)


def entry(account, number, party, currency, amount, kind, **fields):
    LedgerEntry.objects.create(
        account=account, entry_id=f"e{number}", party=party, currency=currency, amount=D(amount), kind=kind,
        sequence=1, time=NOON, **fields,
    )  # fmt: skip


@pytest.fixture
def old():
    """An account of a hundred that sold short, paid one rollover, and bought back a part."""
    row = enter(open_season(), "a")
    stand(row, "90", stake=0, paid_in=0)
    account = row.account
    fill(row, 1, side="sell", fill_id="f1")
    fill(row, 2, side="buy", fill_id="f2")
    entry(account, 1, "lender", "BTC", "-0.5", "loan")
    entry(account, 2, "lender", "BTC", "0.2", "repayment")
    entry(account, 3, "fees", "USD", "0.25", "opening_fee", fill_id="f1")
    entry(account, 4, "fees", "USD", "0.05", "rollover")
    entry(account, 5, "fees", "EUR", "7", "rollover")
    entry(account, 6, "fees", "USD", "0.4", "fee", fill_id="f1")
    for currency in ("USD", "BTC"):
        Balance.objects.create(account=account, currency=currency, amount=1)
    trip = {"account": account, "symbol": "BTC/USD", "qty": 1, "entry_price": 2, "exit_price": 1, "fees": 0,
            "result": 1, "opened_at": NOON, "closed_at": NOON, "sequence": 1}  # fmt: skip
    RoundTrip.objects.create(trip_id="f1:trip", **trip)
    RoundTrip.objects.create(trip_id="f2:trip", **trip)
    order = {"account": account, "symbol": "BTC/USD", "side": "sell", "type": "stop", "time_in_force": "gtc",
             "status": "open", "qty": 1, "sequence": 1, "created_at": NOON, "updated_at": NOON}  # fmt: skip
    Order.objects.create(order_id="a:7:o0:stop_loss", purpose="stop_loss", **order)
    Order.objects.create(order_id="a:7:o0", purpose="entry", **order)
    return account


def test_stake_loans_interest_sides_fees_and_parents_are_found_in_other_rows(old):
    migrate()

    standing = Standing.objects.get()
    assert (standing.stake, standing.paid_in, standing.interest) == (100, 100, D("0.3"))
    assert dict(Balance.objects.values_list("currency", "owed")) == {"USD": 0, "BTC": D("0.3")}
    assert dict(RoundTrip.objects.values_list("trip_id", "side")) == {"f1:trip": "buy", "f2:trip": "sell"}
    assert dict(Fill.objects.values_list("fill_id", "margin_fee")) == {"f1": D("0.25"), "f2": 0}
    assert set(Order.objects.values_list("purpose", "parent_id")) == {("stop_loss", "a:7:o0"), ("entry", "")}
