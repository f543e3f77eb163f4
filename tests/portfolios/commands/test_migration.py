"""From two tables to one queue: every payment and flattening is a command, under the name it had."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor

from portfolios.models import Account, Command
from tests.rows import NOON, enter, open_season, payment

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = ("portfolios", "0011_fee_schedules")


def migrate(*targets: tuple[str, str]) -> Any:
    """Migrate to ``targets`` (none: to the newest of all); return the models as they are then."""
    executor = MigrationExecutor(connection)
    chosen = list(targets) or executor.loader.graph.leaf_nodes()
    return executor.migrate(chosen).apps


@pytest.fixture
def account() -> Account:
    account = enter(open_season(), "a").account
    assert account is not None
    return account


@pytest.fixture
def is_migrated_again(account: Account):
    """Whatever a test migrates, the tests after it find the newest tables, also when a step back was refused."""
    yield
    migrate()


@pytest.fixture
def old(is_migrated_again: None) -> Any:
    """The models of before, in a database of before."""
    return migrate(BEFORE)


def requested_at(model: Any, minute: int, **fields: Any) -> Any:
    row = model.objects.create(**fields)
    model.objects.filter(pk=row.pk).update(asked_at=NOON + timedelta(minutes=minute))
    return row


def test_every_row_is_a_command_in_the_order_of_requests(old: Any, account: Account) -> None:
    payments, flattenings = (old.get_model("portfolios", name) for name in ("Payment", "Flattening"))
    mine = {"account_id": account.pk, "by": "anna"}
    applied = {"state": "applied", "value": D("4.5"), "sequence": 7, "applied_at": NOON}
    requested_at(payments, 0, amount=D(-50), currency="USD", note="rent", **mine, **applied)
    done = {"state": "done", "orders": 2, "sentence": "dust", "sequence": 8, "begun_at": NOON}
    requested_at(flattenings, 1, **mine, **done, done_sequence=9, done_at=NOON)
    requested_at(payments, 2, amount=D("0.25"), currency="BTC", state="refused", sentence="no price", **mine)
    requested_at(flattenings, 3, state="withdrawn", sentence="enabled by ben", sequence=10, begun_at=NOON, **mine)
    requested_at(payments, 4, amount=D(5), currency="USD", **mine)
    requested_at(flattenings, 5, state="under_way", sentence="stale", sequence=11, begun_at=NOON, **mine)

    migrate()

    fields = ("legacy_key", "kind", "state", "arguments", "result", "message", "began_sequence", "ended_sequence")
    assert list(Command.objects.order_by("pk").values_list(*fields)) == [
        ("payment-1", "pay", "done", {"amount": "-50", "currency": "USD", "note": "rent"}, {"value": "4.5"}, "", 7, 7),
        ("flatten-1", "flatten", "done", {}, {"orders": 2}, "dust", 8, 9),
        (
            *("payment-2", "pay", "rejected", {"amount": "0.25", "currency": "BTC", "note": ""}, {}, "no price"),
            *(None, None),
        ),
        ("flatten-2", "flatten", "withdrawn", {}, {}, "enabled by ben", 10, None),
        ("payment-3", "pay", "requested", {"amount": "5", "currency": "USD", "note": ""}, {}, "", None, None),
        ("flatten-3", "flatten", "running", {}, {}, "stale", 11, None),
    ]
    minutes = [(c.requested_at - NOON) / timedelta(minutes=1) for c in Command.objects.order_by("pk")]
    assert minutes == [0, 1, 2, 3, 4, 5]
    assert {(c.account_id, c.requested_by) for c in Command.objects.all()} == {(account.pk, "anna")}


def test_no_later_command_has_a_name_that_a_row_ever_had(old: Any, account: Account) -> None:
    payments = old.get_model("portfolios", "Payment")
    mine = {"account_id": account.pk, "by": "anna", "amount": D(1), "currency": "USD"}
    for minute in range(3):
        requested_at(payments, minute, **mine)
    payments.objects.filter(pk=3).delete()  # a ledger may still name it

    migrate()
    later = [payment(account.deployment, 1).key for _ in range(3)]

    assert [c.key for c in Command.objects.order_by("pk")[:2]] == ["payment-1", "payment-2"]
    assert later == ["payment-6", "payment-7", "payment-8"]


def test_an_installation_without_any_begins_with_the_first(old: Any, account: Account) -> None:
    migrate()

    assert payment(account.deployment, 1).key.startswith("payment-")


@pytest.mark.usefixtures("is_migrated_again")
def test_there_is_no_way_back_from_a_queue_that_holds_commands(account: Account) -> None:
    payment(account.deployment, 1)

    with pytest.raises(IrreversibleError, match="the queue holds commands"):
        migrate(BEFORE)
