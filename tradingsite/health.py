"""Is the process up, and is the market flowing through it: for load balancers and the launcher."""

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from marketdata import bus
from strategies.worker.lag import living_workers

STALE_AFTER_S = 10.0


class NotReady(Exception):
    """A check found its part missing; the message says what and since when."""


@login_not_required
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process can serve a page: for whoever restarts it when it cannot.

    The request goes the way of every page: it waits for one of the threads, takes that thread's connection to the
    database and reads through it. Fails where a page would, with a 503. A database that answers nobody is no
    reason to restart this process: that is answered with 200 and said in ``database``.
    """
    try:
        database()
    except DatabaseError as error:
        return _without_database(str(error).strip())
    return JsonResponse({"status": "ok"})


def _without_database(reason: str) -> JsonResponse:
    """Find out whose fault it is: a connection of its own, past all that are kept, is made and asked."""
    try:
        with closing(connections.create_connection(DEFAULT_DB_ALIAS)) as fresh, fresh.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "ok", "database": f"does not answer: {reason}"})
    detail = f"pages get no connection to the database, though it answers: {reason}"
    return JsonResponse({"status": "not ok", "database": detail}, status=503)


@login_not_required
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when data flows from the market to at least one worker, else 503 with the reasons."""
    findings = report(CHECKS)
    ready = all(finding["ok"] for finding in findings.values())
    body = {"status": "ready" if ready else "not ready", "checks": findings}
    return JsonResponse(body, status=200 if ready else 503)


def report(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Take the named checks; return for each whether it is ``ok``, and the ``detail``."""
    findings = {}
    for name in names:
        try:
            findings[name] = {"ok": True, "detail": CHECKS[name]()}
        except Exception as error:  # Whatever the error, the answer is a report and never a crash.
            findings[name] = {"ok": False, "detail": f"{type(error).__name__}: {error}".strip()}
    return findings


def database() -> str:
    """Return what the database answered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def redis_server() -> str:
    """Return what Redis answered."""
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()
    return "answers"


def feed() -> str:
    """Return the source of the frames and their age."""
    state = bus.feed_state()
    if state is None:
        raise NotReady("no feed has published yet")
    if state.get("finished"):
        return f"{state['source']}, played to its end"
    age_s = state["last_frame_age_s"]
    if age_s is None:
        raise NotReady("the feed runs, but has published no frame yet")
    if age_s > STALE_AFTER_S:
        raise NotReady(f"the last frame is {age_s:.1f} s old: expected at most {STALE_AFTER_S:.0f} s")
    if without := state.get("without_data"):
        raise NotReady("; ".join(f"no data of {symbol}: {reason}" for symbol, reason in without.items()))
    return f"{state['source']}, last frame {age_s:.1f} s ago"


def workers() -> str:
    """Return how many workers are alive, and which of them are behind the market."""
    living = living_workers()
    if not living:
        raise NotReady("no worker is alive: expected at least one `manage.py run_worker`")
    detail = "; ".join([f"{len(living)} alive", *(lag.sentence for lag in living if lag.is_worth_saying)])
    if living[0].lag_s > STALE_AFTER_S:
        raise NotReady(f"{detail}; expected at most {STALE_AFTER_S:.0f} s")
    return detail


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "redis": redis_server,
    "feed": feed,
    "workers": workers,
}
