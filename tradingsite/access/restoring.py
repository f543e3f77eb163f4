"""Who may come in after a backup was put back: nobody whom the database at hand no longer lets in.

A backup holds tokens, links and sessions that were revoked or have ended since, passwords that were changed and
roles that were taken away. What opens a door in both databases goes on opening it; the rest stays closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Identifier, Placeholder

_PASSES = {"tradingsite_apitoken": "token", "tradingsite_sharelink": "share link"}
_GONE = ("django_session",)  # a session of the backup may be one that was logged out since
_SECOND_FACTORS = ("otp_totp_totpdevice", "tradingsite_recoverycode")
# What a user has now and not what he had.
_AS_NOW = """
    UPDATE auth_user SET password = %(password)s, is_active = %(is_active)s, is_staff = %(is_staff)s,
        is_superuser = %(is_superuser)s
    WHERE username = %(username)s RETURNING id
"""


class Access(NamedTuple):
    """What came of the doors of a backup, one line each."""

    kept: list[str]
    closed: list[str]


def close_what_was_closed(fresh: psycopg.Connection[Any], present: psycopg.Connection[Any]) -> Access:
    """Close in the ``fresh`` database what the ``present`` one does not open; return both lists."""
    kept: list[str] = []
    closed: list[str] = []
    for table, kind in _PASSES.items():
        if _has(fresh, table):
            _close_passes(fresh, present, table, kind, kept, closed)
    for table in _GONE:
        if _has(fresh, table):
            ended = fresh.execute(SQL("DELETE FROM {}").format(Identifier(table))).rowcount
            closed += [f"{ended} sessions: everybody logs in again"] if ended else []
    if _has(fresh, "auth_user") and _has(present, "auth_user"):
        kept += [f"user {name}: password, second factor and role of now" for name in _users_as_now(fresh, present)]
    return Access(kept, closed)


def _close_passes(
    fresh: psycopg.Connection[Any],
    present: psycopg.Connection[Any],
    table: str,
    kind: str,
    kept: list[str],
    closed: list[str],
) -> None:
    is_open = SQL("SELECT digest FROM {} WHERE revoked_at IS NULL").format(Identifier(table))
    still = {digest for (digest,) in present.execute(is_open)} if _has(present, table) else set()
    label = "name" if kind == "token" else "coalesce(nullif(note, ''), 'link ' || id)"
    found = fresh.execute(
        SQL(
            "SELECT id, digest, {} FROM {} WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
        ).format(SQL(label), Identifier(table))
    )
    for number, digest, name in found.fetchall():
        if digest in still:
            kept.append(f"{kind} {name}")
        else:
            fresh.execute(SQL("UPDATE {} SET revoked_at = now() WHERE id = %s").format(Identifier(table)), [number])
            closed.append(f"{kind} {name}: revoked")


def _users_as_now(fresh: psycopg.Connection[Any], present: psycopg.Connection[Any]) -> Iterable[str]:
    """Give the users of both databases what they have now; yield their names."""
    columns = ("username", "password", "is_active", "is_staff", "is_superuser")
    names = SQL(", ").join(map(Identifier, columns))
    for row in present.execute(SQL("SELECT {} FROM auth_user ORDER BY username").format(names)).fetchall():
        user = dict(zip(columns, row, strict=True))
        found = fresh.execute(_AS_NOW, user).fetchone()
        if found is None:
            continue
        groups = present.execute(
            "SELECT name FROM auth_group g JOIN auth_user_groups m ON m.group_id = g.id "
            "JOIN auth_user u ON u.id = m.user_id WHERE username = %s",
            [user["username"]],
        )
        fresh.execute("DELETE FROM auth_user_groups WHERE user_id = %s", [found[0]])
        fresh.execute(
            "INSERT INTO auth_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = ANY(%s)",
            [found[0], [name for (name,) in groups]],
        )
        for table in _SECOND_FACTORS:
            if _has(fresh, table) and _has(present, table):
                _copy_rows(fresh, present, table, user["username"], found[0])
        yield user["username"]


def _copy_rows(
    fresh: psycopg.Connection[Any], present: psycopg.Connection[Any], table: str, username: str, number: int
) -> None:
    """Have a user's rows in the fresh database be those of the present one."""
    known = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
    shared = {name for (name,) in fresh.execute(known, [table])} & {name for (name,) in present.execute(known, [table])}
    names = sorted(shared - {"id", "user_id"})
    columns = SQL(", ").join(map(Identifier, names))
    rows = present.execute(
        SQL("SELECT {} FROM {} WHERE user_id = (SELECT id FROM auth_user WHERE username = %s)").format(
            columns, Identifier(table)
        ),
        [username],
    ).fetchall()
    fresh.execute(SQL("DELETE FROM {} WHERE user_id = %s").format(Identifier(table)), [number])
    values = SQL(", ").join([Placeholder()] * (len(names) + 1))
    insert = SQL("INSERT INTO {} (user_id, {}) VALUES ({})").format(Identifier(table), columns, values)
    for row in rows:
        fresh.execute(insert, [number, *row])


def _has(database: psycopg.Connection[Any], table: str) -> bool:
    found = database.execute("SELECT to_regclass(%s)", [table]).fetchone()
    return found is not None and found[0] is not None
