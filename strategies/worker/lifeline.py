"""A worker's connection to the database: while it lasts the worker may write, and no longer than it answers.

The leases are locks of this connection. So whoever is cut off from the other side must let go of it: the worker
because nothing it waits for comes, the server because nothing of the worker comes. Both take less than ten seconds,
whether a cable was pulled, a firewall forgot the connection, or one of the two stands still.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from django.db import connection

ANSWER_WITHIN_S = 8.0  # one statement, or the end of a transaction
SILENT_FOR_S = 10.0  # then the server ends the session
PULSE_EVERY_S = 2.0

# What the server asks of the connection; on a socket in the file system only the first two mean something.
_SERVER_SIDE = (
    ("idle_session_timeout", "{silent_ms}"),
    ("idle_in_transaction_session_timeout", "{silent_ms}"),
    ("tcp_keepalives_idle", "3"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "9000"),
)


class Lifeline:
    """The bounds of this process's connection, and when the server must be shown that the process works."""

    def __init__(self, silent_s: float | None) -> None:
        """``silent_s``: after so long without a statement the server ends the session; None: it never does."""
        self._silent_s = silent_s
        self._pulsed_s = 0.0

    def tie(self) -> None:
        """Bound the connection that is open now. A worker has one in its life."""
        connection.ensure_connection()
        bound_waits(connection.connection)
        if self._silent_s is None:
            return
        silent_ms = str(round(self._silent_s * 1_000))
        with connection.cursor() as cursor:
            for name, value in _SERVER_SIDE:
                cursor.execute("SELECT set_config(%s, %s, false)", [name, value.format(silent_ms=silent_ms)])

    def is_pulse_due(self) -> bool:
        """Return, every two seconds once, that a statement is due which shows the server that the process works."""
        is_due = time.monotonic() - self._pulsed_s >= PULSE_EVERY_S
        if is_due:
            self._pulsed_s = time.monotonic()
        return is_due


def bound_waits(session: Any, within_s: float = ANSWER_WITHIN_S) -> None:
    """Have everything that waits for the server raise an OperationalError after ``within_s``, and then at once."""
    session.wait = partial(_bounded_wait, session, session.wait, within_s)


def _bounded_wait(
    session: psycopg.Connection[Any], wait: Callable[..., Any], within_s: float, work: Any, *args: Any, **kwargs: Any
) -> Any:
    if kwargs.get("timeout") is not None:
        return wait(work, *args, **kwargs)
    try:
        return wait(work, *args, **{**kwargs, "timeout": within_s})
    except psycopg.OperationalError as error:
        if session.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
            # The answer to this question must not be taken for that to the next one.
            session.pgconn.finish()
            raise psycopg.OperationalError(f"the database did not answer within {within_s:g} s: {error}") from error
        raise
