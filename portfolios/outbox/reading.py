"""Reading what the stream was told, in an order that loses nothing, and removing what is old."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from portfolios.models import MessageKind

_LARGEST = 2**63 - 1
_CURSOR = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
_REMOVAL_LOCK = 7_002  # advisory: old messages are removed by one job at a time

# What is older than every transaction still open, in whichever database of the server, is all there will ever be of it.
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_AFTER = """
    SELECT xid, id, kind, slug, told_at, data::text, data ->> 'symbol' FROM portfolios_message
    WHERE (xid, id) > (%s, %s) AND xid < %s ORDER BY xid, id LIMIT %s
"""
_NEWEST = "SELECT xid, id FROM portfolios_message WHERE xid < %s ORDER BY xid DESC, id DESC OFFSET %s LIMIT 1"
_IS_MORE_TO_COME = "SELECT EXISTS (SELECT 1 FROM portfolios_message WHERE xid >= %s)"
_TOO_OLD = """
    SELECT xid, id FROM portfolios_message WHERE xid < %s AND told_at < %s ORDER BY xid DESC, id DESC LIMIT 1
"""
# Rows of a database that was restored from a copy carry the numbers of another server's transactions.
_OF_ANOTHER_SERVER = """
    DELETE FROM portfolios_message WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""


class UnknownCursor(ValueError):
    """What was given as a cursor is none of ours, or none yet."""


class Position(NamedTuple):
    """A place in the stream: everything up to it has been read."""

    xid: int
    id: int

    @property
    def cursor(self) -> str:
        """The place as text."""
        return f"{self.xid}-{self.id}"


BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message as it is stored."""

    position: Position
    kind: MessageKind
    slug: str
    told_at: datetime
    data: bytes  # JSON
    symbol: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Some messages in their order, and the place that has been reached."""

    messages: list[Written]
    position: Position
    is_whole: bool  # nothing that may be read was left out
    is_more_to_come: bool  # something is written and may not be read yet, because an older transaction is open


def position_of(cursor: str) -> Position:
    """Return the place that a cursor names.

    Raises:
        UnknownCursor: it is no cursor, or names a place that was not reached yet: another database's, perhaps.
    """
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise UnknownCursor(f"{cursor[:60]!r} is no cursor; expected one that a message carried, like '812-4711'")
    position = Position(int(found[1]), int(found[2]))
    if max(position) > _LARGEST or position.xid > _horizon():
        raise UnknownCursor(f"{cursor!r} is ahead of this stream; expected a cursor that this server's stream has told")
    return position


def newest_position(*, back: int = 0) -> Position:
    """Return the place that has been reached by now, or the one ``back`` messages before it, if there are so many."""
    horizon = _horizon()
    if not back:
        return Position(horizon, 0)
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [horizon, back])
        row = cursor.fetchone()
    return Position(*row) if row else BEGINNING


def messages_after(position: Position, *, limit: int) -> Reading:
    """Return the next messages after ``position``, at most ``limit``; what an open transaction may precede must wait.

    A message of kind FORGOTTEN among them says that all before it was removed.
    """
    horizon = _horizon()
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [*position, horizon, limit])
        rows = cursor.fetchall()
        cursor.execute(_IS_MORE_TO_COME, [horizon])
        (is_more_to_come,) = cursor.fetchone()
    messages = [
        Written(
            position=Position(xid, number),
            kind=MessageKind(kind),
            slug=slug,
            told_at=told_at,
            data=data.encode(),
            symbol=symbol,
        )
        for xid, number, kind, slug, told_at, data, symbol in rows
    ]
    is_whole = len(messages) < limit
    reached = max(position, Position(horizon, 0)) if is_whole else messages[-1].position
    return Reading(messages=messages, position=reached, is_whole=is_whole, is_more_to_come=is_more_to_come)


@transaction.atomic
def remove_old_messages(*, before: datetime, most: int) -> int:
    """Remove messages told before ``before``, and the oldest beyond ``most``; return how many went. Safe to repeat.

    The newest of them stays without its words: who has read less far can be told of the gap.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_REMOVAL_LOCK])
        cursor.execute(_OF_ANOTHER_SERVER)
        removed: int = cursor.rowcount
        horizon = _horizon()
        cursor.execute(_TOO_OLD, [horizon, before])
        by_age = cursor.fetchone()
        cursor.execute(_NEWEST, [horizon, most])
        beyond = cursor.fetchone()
        last = max((Position(*row) for row in (by_age, beyond) if row), default=None)
        if last is not None:
            cursor.execute("DELETE FROM portfolios_message WHERE (xid, id) < (%s, %s)", last)
            removed += cursor.rowcount
            cursor.execute(
                "UPDATE portfolios_message SET kind = %s, slug = '', data = '{}' WHERE (xid, id) = (%s, %s)",
                [MessageKind.FORGOTTEN, *last],
            )
    return removed


def _horizon() -> int:
    """Return the oldest transaction that is still open: all before it have ended."""
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON)
        return int(cursor.fetchone()[0])
