"""Who works on what: PostgreSQL session locks on the very connection that writes.

A worker that lost its connection has lost its locks, and cannot write either: two
workers never write for one deployment. A dead worker's locks are free at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from django.db import connection

_DEPLOYMENT = 7_101  # first key of a deployment's lock; the second is its id
_SEASON = 7_104  # of a season whose deployments share a book: who holds it works on all of them
_WORKER = 7_102  # held by a worker on its own id for as long as it lives


def claim(deployment_id: int) -> bool:
    """Take the lease if it is free."""
    return _lock(_DEPLOYMENT, deployment_id)


def release(deployment_id: int) -> None:
    """Give the lease back."""
    _unlock(_DEPLOYMENT, deployment_id)


def claim_all(deployment_ids: Iterable[int]) -> set[int]:
    """Take the leases that are free; return those that were taken. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM unnest(%s::int[]) id WHERE pg_try_advisory_lock(%s, id)",
            [sorted(deployment_ids), _DEPLOYMENT],
        )
        return {int(row[0]) for row in cursor.fetchall()}


def release_all(deployment_ids: Iterable[int]) -> None:
    """Give leases back. One query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, id) FROM unnest(%s::int[]) id", [_DEPLOYMENT, [*deployment_ids]])


def claim_season(season_id: int) -> bool:
    """Take the lease on all deployments of a shared season, if it is free."""
    return _lock(_SEASON, season_id)


def release_season(season_id: int) -> None:
    """Give the lease on a shared season back."""
    _unlock(_SEASON, season_id)


def register_worker(worker_id: int) -> None:
    """Be counted among the living until the connection ends."""
    _lock(_WORKER, worker_id)


def living_workers() -> list[int]:
    """Return the ids of the workers whose connections live."""
    return _holders(_WORKER)


def leased_deployments() -> list[int]:
    """Return the ids of the deployments that some worker holds."""
    return _holders(_DEPLOYMENT)


def held_by_workers() -> dict[int, list[int]]:
    """Return the ids of the deployments that each living worker holds, by the worker's id."""
    held: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT worker.objid, lease.objid FROM pg_locks worker JOIN pg_locks lease USING (pid)"
            " WHERE worker.locktype = 'advisory' AND worker.classid = %s AND worker.granted"
            " AND lease.locktype = 'advisory' AND lease.classid = %s AND lease.granted AND worker.database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY lease.objid",
            [_WORKER, _DEPLOYMENT],
        )
        for worker_id, deployment_id in cursor.fetchall():
            held.setdefault(int(worker_id), []).append(int(deployment_id))
    return held


def holder_of(deployment_id: int) -> int | None:
    """Return the id of the living worker that holds a deployment, None while none does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT worker.objid FROM pg_locks worker JOIN pg_locks lease USING (pid, database)"
            " WHERE worker.locktype = 'advisory' AND worker.classid = %s AND worker.granted"
            " AND lease.locktype = 'advisory' AND lease.classid = %s AND lease.objid = %s AND lease.granted"
            " AND worker.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [_WORKER, _DEPLOYMENT, deployment_id],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else None


def fair_share(deployments: int, workers: int) -> int:
    """Return how many deployments one worker should hold at most."""
    return ceil(deployments / max(1, workers))


def _lock(kind: int, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [kind, key])
        return bool(cursor.fetchone()[0])


def _unlock(kind: int, key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [kind, key])


def _holders(kind: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY objid",
            [kind],
        )
        return [int(row[0]) for row in cursor.fetchall()]
