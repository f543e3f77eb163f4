"""The third pass: new facts are announced on the stream, in the transaction that writes them, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from django.db import connection
from django.db.models import DateTimeField, DecimalField, Model

from portfolios.models import Account, Fill, Message, MessageKind, Order, RoundTrip
from portfolios.models.columns import columns_of
from trading.fills import plain

Body = dict[str, Any]  # as JSON

# One value instead of three a row, in a fraction of the time: a worker's commit waits for it.
_INSERT = """
    INSERT INTO portfolios_message (kind, slug, data) SELECT message ->> 0, message ->> 1, message -> 2
    FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS each (message, place) ORDER BY place
"""
_HIDDEN = ("id",)  # of orders and round trips: programs know them by order_id and trip_id
_OF_TRIPS = ("mae_pct", "mfe_pct", "held_s")


def announce(*, orders: Sequence[Order], fills: Sequence[Fill], trips: Sequence[RoundTrip]) -> None:
    """Announce new facts of accounts: orders as they now stand, fills, round trips."""
    if not (orders or fills or trips):
        return
    account_ids = {row.account_id for rows in (orders, fills, trips) for row in rows}
    slugs = dict(Account.objects.filter(pk__in=account_ids).values_list("pk", "slug"))
    write_messages([
        *(Message(kind=MessageKind.ORDER, slug=slugs[o.account_id], data=body_of(o, _HIDDEN)) for o in orders),
        *(Message(kind=MessageKind.FILL, slug=slugs[f.account_id], data=body_of(f)) for f in fills),
        *(
            Message(kind=MessageKind.ROUND_TRIP, slug=slugs[t.account_id], data=body_of(t, _HIDDEN, _OF_TRIPS))
            for t in trips
        ),
    ])  # fmt: skip


def write_messages(messages: Iterable[Message]) -> None:
    """Write messages, in their order."""
    encoded = msgspec.json.encode([(message.kind, message.slug, message.data) for message in messages])
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [encoded.decode()])


def body_of(row: Model, hidden: tuple[str, ...] = (), beside: tuple[str, ...] = ()) -> Body:
    """Return a row as the API shows it: decimals as plain text, times in UTC, what it belongs to left out.

    ``hidden`` names columns that are not shown, ``beside`` properties of the row that are.
    """
    body = {name: spell(getattr(row, name)) for name, spell in _columns(type(row), hidden)}
    for name in beside:
        value = getattr(row, name)
        body[name] = plain(value) if isinstance(value, Decimal) else value
    return body


@cache
def _columns(model: type[Model], hidden: tuple[str, ...]) -> list[tuple[str, Callable[[Any], Any]]]:
    columns = [column for column in columns_of(model) if not column.is_relation and column.name not in hidden]
    spellings: Mapping[type, Callable[[Any], Any]] = {DecimalField: _plain, DateTimeField: _moment}
    return [(column.name, spellings.get(type(column), _as_it_is)) for column in columns]


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _moment(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _as_it_is(value: Any) -> Any:
    return value
