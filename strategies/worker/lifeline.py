"""A worker's connection to the database: while it lasts the worker may write, and no longer than it answers.

The leases are locks of this connection. So whoever is cut off from the other side must let go of it: the worker
because nothing it waits for comes, the server because nothing of the worker comes. Both take less than ten seconds,
whether a cable was pulled, a firewall forgot the connection, or one of the two stands still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg
from django.db import connection

PATIENT_FOR_S = 4.0  # with one statement, or the end of a transaction; then the server is asked whether it is there
PROBE_S = 3
MOST_S = 60.0
SILENT_FOR_S = 10.0  # then the server ends the session
PULSE_EVERY_S = 2.0

# What the server asks of the connection; on a socket in the file system only the first three mean something.
_SERVER_SIDE = (
    ("idle_session_timeout", "{silent_ms}"),
    ("idle_in_transaction_session_timeout", "{silent_ms}"),
    ("client_connection_check_interval", "2000"),  # while a statement runs: it must not outlive its worker
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
        bound_waits(connection.connection, server_answers)
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


def bound_waits(session: Any, server_answers: Callable[[], bool]) -> None:
    """Have all that waits for the server raise an OperationalError once that does not answer anybody any more.

    A server that is merely slow does answer others: it is waited for, ``MOST_S`` for one statement.
    """
    wait = session.wait

    def bounded(work: Any, *args: Any, **kwargs: Any) -> Any:
        return wait(_patient(session, work, server_answers), *args, **kwargs)

    session.wait = bounded


def _patient(session: Any, work: Any, server_answers: Callable[[], bool]) -> Generator[Any, Any, Any]:
    """Go on with ``work``, psycopg's own, as long as the server is there. It is resumed ten times a second."""
    began_s = asked_s = time.monotonic()
    try:
        wanted = next(work)
        while True:
            ready = yield wanted
            now_s = time.monotonic()
            if not ready and now_s - asked_s >= PATIENT_FOR_S:
                if now_s - began_s >= MOST_S or not server_answers():
                    # Closed: a late answer to this question must not be taken for that to the next one.
                    session.pgconn.finish()
                    raise psycopg.OperationalError(f"the database has not answered for {now_s - began_s:.0f} s")
                asked_s = time.monotonic()
            wanted = work.send(ready)
    except StopIteration as end:
        return end.value


def server_answers() -> bool:
    """Return whether the server takes another connection."""
    try:
        psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": PROBE_S}).close()
    except psycopg.OperationalError as error:
        # That there is no room for one more is an answer, too.
        return isinstance(error, psycopg.errors.TooManyConnections) or "too many" in str(error)
    return True
