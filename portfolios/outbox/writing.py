"""Telling the stream of facts, in the transaction that writes them: told once, when a fact is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from django.db import connection
from django.db.models import Model
from rest_framework.serializers import BaseSerializer

from portfolios.models import Account, Fill, Message, MessageKind, Order, RoundTrip
from portfolios.serializers import FillSerializer, OrderSerializer, RoundTripSerializer

Row = TypeVar("Row", bound=Model)

# An order is told anew when one of these has changed. What moves with the market alone, the queue ahead of it and
# the price that a trailing stop follows, would drown the rest.
TELLING = (
    *("status", "qty", "filled_qty", "limit_price", "stop_loss_price", "take_profit_price", "sibling_id"),
    *("is_triggered", "code"),
)
# One value instead of three a row, in a fraction of the time: a worker's commit waits for it.
_INSERT = """
    INSERT INTO portfolios_message (kind, slug, data) SELECT told ->> 0, told ->> 1, told -> 2
    FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS each (told, place) ORDER BY place
"""


class _ToldOrderSerializer(OrderSerializer):
    """An order without what it waits for: that moves with the market, too."""

    waiting = None  # type: ignore[assignment]


# One each for all rows: to put its fields together takes longer than to use them.
_SPELLINGS: Mapping[MessageKind, BaseSerializer[Any]] = {
    MessageKind.ORDER: _ToldOrderSerializer(),
    MessageKind.FILL: FillSerializer(),
    MessageKind.ROUND_TRIP: RoundTripSerializer(),
}


def write_new(model: type[Row], rows: Sequence[Row], key: str) -> list[Row]:
    """Write the rows whose account and ``key`` are not written yet; return them, with their ids.

    One worker alone writes for an account, so nobody comes between looking and writing.
    """
    if not rows:
        return []
    objects: Any = model.objects  # type: ignore[attr-defined]
    known = set(_among(objects, rows, key).values_list("account_id", key))
    return list(objects.bulk_create([row for row in rows if _identity(row, key) not in known]))


def orders_to_tell(orders: Sequence[Order]) -> list[Order]:
    """Return those that are not stored as they now stand, as far as an order is told; made to be asked before."""
    if not orders:
        return []
    stored = {
        (account_id, order_id): tuple(values)
        for account_id, order_id, *values in _among(Order.objects, orders, "order_id").values_list(
            "account_id", "order_id", *TELLING
        )
    }
    return [o for o in orders if stored.get((o.account_id, o.order_id)) != tuple(getattr(o, name) for name in TELLING)]


def tell_facts(*, orders: Sequence[Order], fills: Sequence[Fill], trips: Sequence[RoundTrip]) -> None:
    """Tell of an account's new facts: of orders as they now stand, of fills, of round trips."""
    if not (orders or fills or trips):
        return
    account_ids = {row.account_id for rows in (orders, fills, trips) for row in rows}
    slugs = dict(Account.objects.filter(pk__in=account_ids).values_list("pk", "slug"))
    tell([
        *_messages(MessageKind.ORDER, orders, slugs),
        *_messages(MessageKind.FILL, fills, slugs),
        *_messages(MessageKind.ROUND_TRIP, trips, slugs),
    ])  # fmt: skip


def tell(messages: Sequence[Message]) -> None:
    """Write messages, in their order."""
    told = msgspec.json.encode([(message.kind, message.slug, message.data) for message in messages])
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [told.decode()])


def _messages(
    kind: MessageKind, rows: Iterable[Order] | Iterable[Fill] | Iterable[RoundTrip], slugs: Mapping[int, str]
) -> Iterable[Message]:
    serializer = _SPELLINGS[kind]
    for row in rows:
        yield Message(kind=kind, slug=slugs[row.account_id], data=serializer.to_representation(row))


def _among(objects: Any, rows: Sequence[Any], key: str) -> Any:
    """Return what is stored of these rows, and perhaps more: the key of one with the account of another."""
    return objects.filter(
        **{"account_id__in": {row.account_id for row in rows}, f"{key}__in": [getattr(row, key) for row in rows]}
    )


def _identity(row: Any, key: str) -> tuple[int, str]:
    return row.account_id, getattr(row, key)
