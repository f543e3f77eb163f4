"""Reads the messages of the stream in an order that loses none, and removes old ones."""

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
    SELECT xid, id, kind, slug, written_at, data::text, data ->> 'symbol' FROM portfolios_message
    WHERE (xid, id) > (%s, %s) AND xid < %s ORDER BY xid, id LIMIT %s
"""
_NEWEST = "SELECT xid, id FROM portfolios_message WHERE xid < %s ORDER BY xid DESC, id DESC OFFSET %s LIMIT 1"
_IS_MORE_TO_COME = "SELECT EXISTS (SELECT 1 FROM portfolios_message WHERE xid >= %s)"
_TOO_OLD = """
    SELECT xid, id FROM portfolios_message WHERE xid < %s AND written_at < %s ORDER BY xid DESC, id DESC LIMIT 1
"""
# Rows of a database that was restored from a copy carry the numbers of another server's transactions.
_OF_ANOTHER_SERVER = """
    DELETE FROM portfolios_message WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""


class UnknownCursor(ValueError):
    """A text that is no cursor of this stream, or none yet."""


class StreamCursor(NamedTuple):
    """A position in the stream: everything up to it has been read."""

    xid: int
    id: int

    @property
    def text(self) -> str:
        """The cursor as messages carry it."""
        return f"{self.xid}-{self.id}"


BEGINNING = StreamCursor(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as it is stored."""

    cursor: StreamCursor
    kind: MessageKind
    slug: str
    written_at: datetime
    data: bytes  # JSON
    symbol: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some messages in their order, and how far they reach."""

    messages: list[StoredMessage]
    cursor: StreamCursor
    is_whole: bool  # nothing that may be read was left out
    is_more_to_come: bool  # something is written and may not be read yet, because an older transaction is open


def cursor_named(text: str) -> StreamCursor:
    """Return the cursor that ``text`` spells.

    Raises:
        UnknownCursor: it is no cursor, or one that was not reached yet: another database's, perhaps.
    """
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise UnknownCursor(f"{text[:60]!r} is no cursor; expected one that a message carried, like '812-4711'")
    cursor = StreamCursor(int(found[1]), int(found[2]))
    if max(cursor) > _LARGEST or cursor.xid > _horizon():
        raise UnknownCursor(f"{text!r} is ahead of this stream; expected a cursor that this server's stream has sent")
    return cursor


def newest_cursor(*, back: int = 0) -> StreamCursor:
    """Return how far the stream reaches by now, or the cursor ``back`` messages before, if there are so many."""
    horizon = _horizon()
    if not back:
        return StreamCursor(horizon, 0)
    with connection.cursor() as database:
        database.execute(_NEWEST, [horizon, back])
        row = database.fetchone()
    return StreamCursor(*row) if row else BEGINNING


def messages_after(cursor: StreamCursor, *, limit: int) -> Batch:
    """Return the next messages after ``cursor``, at most ``limit``; what an open transaction may precede must wait.

    A message of kind FORGOTTEN among them says that all before it was removed.
    """
    horizon = _horizon()
    with connection.cursor() as database:
        database.execute(_AFTER, [*cursor, horizon, limit])
        rows = database.fetchall()
        database.execute(_IS_MORE_TO_COME, [horizon])
        (is_more_to_come,) = database.fetchone()
    messages = [
        StoredMessage(
            cursor=StreamCursor(xid, number),
            kind=MessageKind(kind),
            slug=slug,
            written_at=written_at,
            data=data.encode(),
            symbol=symbol,
        )
        for xid, number, kind, slug, written_at, data, symbol in rows
    ]
    is_whole = len(messages) < limit
    reached = max(cursor, StreamCursor(horizon, 0)) if is_whole else messages[-1].cursor
    return Batch(messages=messages, cursor=reached, is_whole=is_whole, is_more_to_come=is_more_to_come)


@transaction.atomic
def remove_old_messages(*, before: datetime, most: int) -> int:
    """Remove messages written before ``before``, and the oldest beyond ``most``; return how many went. Safe to repeat.

    The newest of them stays without its body, so that a reader further behind can be sent a gap.
    """
    with connection.cursor() as database:
        database.execute("SELECT pg_advisory_xact_lock(%s)", [_REMOVAL_LOCK])
        database.execute(_OF_ANOTHER_SERVER)
        removed: int = database.rowcount
        horizon = _horizon()
        database.execute(_TOO_OLD, [horizon, before])
        by_age = database.fetchone()
        database.execute(_NEWEST, [horizon, most])
        beyond = database.fetchone()
        last = max((StreamCursor(*row) for row in (by_age, beyond) if row), default=None)
        if last is not None:
            database.execute("DELETE FROM portfolios_message WHERE (xid, id) < (%s, %s)", last)
            removed += database.rowcount
            database.execute(
                "UPDATE portfolios_message SET kind = %s, slug = '', data = '{}' WHERE (xid, id) = (%s, %s)",
                [MessageKind.FORGOTTEN, *last],
            )
    return removed


def _horizon() -> int:
    """Return the oldest transaction that is still open: all before it have ended."""
    with connection.cursor() as database:
        database.execute(_HORIZON)
        return int(database.fetchone()[0])
