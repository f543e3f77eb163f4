"""One queue of commands in place of one table for payments and one for flattenings; every row is kept."""

from collections.abc import Iterator
from heapq import merge
from itertools import count
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

_PAYMENT_STATES = {"asked": "requested", "applied": "done", "refused": "rejected"}
_FLATTENING_STATES = {"asked": "requested", "under_way": "running", "done": "done", "withdrawn": "withdrawn"}
_BATCH = 1_000


def copy(apps: Any, schema_editor: Any) -> None:
    """Make a command of every payment and flattening, in the order of their requests.

    New ids begin above all that the two tables have ever given out: ledger entries and checkpoints name
    old rows by those, as ``payment-7`` or ``flatten-7``, and no later command may be called so.
    """
    command = apps.get_model("portfolios", "Command")
    payment, flattening = (apps.get_model("portfolios", name) for name in ("Payment", "Flattening"))
    with schema_editor.connection.cursor() as cursor:
        highest = max(_highest(cursor, table) for table in ("portfolios_payment", "portfolios_flattening"))
        rows = merge(_payments(payment), _flattenings(flattening), key=lambda row: row["requested_at"])
        commands = [command(id=number, **row) for number, row in zip(count(highest + 1), rows, strict=False)]
        command.objects.bulk_create(commands, batch_size=_BATCH)
        last = highest + len(commands)
        sequence = "pg_get_serial_sequence('portfolios_command', 'id')"
        cursor.execute(f"SELECT setval({sequence}, %s, %s)", [max(last, 1), last > 0])


def take_apart(apps: Any, schema_editor: Any) -> None:
    """Go back only from an empty queue: the two tables have no place for the other kinds of commands."""
    if apps.get_model("portfolios", "Command").objects.exists():
        raise IrreversibleError("the queue holds commands; restore a backup from before instead")


def _highest(cursor: Any, table: str) -> int:
    """Return the highest id that a table has ever given out: rows that are gone may live on in names."""
    cursor.execute("SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)", [table])
    (last,) = cursor.fetchone()
    return int(last)


def _payments(payment: Any) -> Iterator[dict[str, Any]]:
    for row in payment.objects.order_by("id").iterator(_BATCH):
        is_applied = row.state == "applied"
        yield {
            "account_id": row.account_id,
            "kind": "pay",
            "arguments": {"amount": _plain(row.amount), "currency": row.currency, "note": row.note},
            "requested_by": row.by,
            "requested_at": row.asked_at,
            "state": _PAYMENT_STATES[row.state],
            "message": row.sentence,
            "result": {"value": _plain(row.value or 0)} if is_applied else {},
            "began_sequence": row.sequence,
            "began_at": row.applied_at,
            "ended_sequence": row.sequence,
            "ended_at": row.applied_at,
            "legacy_key": f"payment-{row.id}",
        }


def _flattenings(flattening: Any) -> Iterator[dict[str, Any]]:
    for row in flattening.objects.order_by("id").iterator(_BATCH):
        yield {
            "account_id": row.account_id,
            "kind": "flatten",
            "arguments": {},
            "requested_by": row.by,
            "requested_at": row.asked_at,
            "state": _FLATTENING_STATES[row.state],
            "message": row.sentence,
            "result": {"orders": row.orders} if row.state == "done" else {},
            "began_sequence": row.sequence,
            "began_at": row.begun_at,
            "ended_sequence": row.done_sequence,
            "ended_at": row.done_at,
            "legacy_key": f"flatten-{row.id}",
        }


def _plain(amount: Any) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0011_fee_schedules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Command",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("flatten", "flatten (cancel all orders, close all positions)"),
                            ("stop_entries", "stop entries"),
                            ("allow_entries", "allow entries"),
                            ("pay", "deposit or withdraw"),
                            ("close", "close a position"),
                            ("cancel", "cancel an order"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "arguments",
                    models.JSONField(default=dict, help_text="the fields of the kind's struct in portfolios.commands"),
                ),
                ("requested_by", models.CharField(max_length=150)),
                (
                    "requested_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, help_text="wall clock"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "requested (the worker has not begun it)"),
                            ("running", "running (begun, not finished)"),
                            ("done", "done"),
                            ("rejected", "rejected (it could not be done)"),
                            ("withdrawn", "withdrawn (a later request or the end of the account ended it)"),
                        ],
                        default="requested",
                        max_length=10,
                    ),
                ),
                (
                    "message",
                    models.CharField(
                        blank=True,
                        help_text="what it waits for, what was left, or why it was rejected or withdrawn",
                        max_length=500,
                    ),
                ),
                (
                    "result",
                    models.JSONField(default=dict, help_text="the fields of the kind's result in portfolios.commands"),
                ),
                (
                    "began_sequence",
                    models.BigIntegerField(blank=True, help_text="the frame after which it was applied", null=True),
                ),
                ("began_at", models.DateTimeField(blank=True, help_text="the market's clock", null=True)),
                (
                    "ended_sequence",
                    models.BigIntegerField(blank=True, help_text="the frame with which it ended", null=True),
                ),
                ("ended_at", models.DateTimeField(blank=True, help_text="the market's clock", null=True)),
                (
                    "legacy_key",
                    models.CharField(
                        editable=False,
                        help_text="the key of a command from before there was one queue: "
                        "ledger entries and checkpoints name it",
                        max_length=40,
                        null=True,
                        unique=True,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="commands", to="portfolios.account"
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("requested", "running"))),
                        fields=["account"],
                        name="open_commands",
                    ),
                    models.Index(fields=["account", "kind", "-id"], name="commands_by_kind"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "flatten"), ("state__in", ("requested", "running"))),
                        fields=("account",),
                        name="one_flatten_at_a_time",
                    )
                ],
            },
        ),
        migrations.RunPython(copy, take_apart),
        migrations.DeleteModel(name="Payment"),
        migrations.DeleteModel(name="Flattening"),
    ]
