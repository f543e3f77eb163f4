"""Is the process up, and is the market flowing through it: for load balancers and the launcher."""

from collections.abc import Callable, Iterable
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from marketdata import bus
from strategies.deployments import selectors

STALE_AFTER_S = 10.0


class NotReady(Exception):
    """A check found its part missing; the message says what and since when."""


@login_not_required
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process answers at all."""
    return JsonResponse({"status": "ok"})


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
    return f"{state['source']}, last frame {age_s:.1f} s ago"


def workers() -> str:
    """Return how many workers are alive."""
    count = selectors.live_worker_count()
    if count < 1:
        raise NotReady("no worker is alive: expected at least one `manage.py run_worker`")
    return f"{count} alive"


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "redis": redis_server,
    "feed": feed,
    "workers": workers,
}
