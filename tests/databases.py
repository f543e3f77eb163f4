"""The databases of the test run's server."""

from __future__ import annotations

import psycopg
from django.db import connection
from psycopg.sql import SQL, Identifier


def databases() -> set[str]:
    """Return the names of all there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


def drop(name: str) -> None:
    """Remove one that is not our own."""
    with psycopg.connect(**{**connection.get_connection_params(), "dbname": "postgres"}, autocommit=True) as server:
        server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
