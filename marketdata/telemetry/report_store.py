"""What processes report of themselves, kept in Redis: metrics, signs of life, last runs of jobs.

The only file that names a Redis key of these reports; `marketdata/bus` names those of the feed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any, cast

from marketdata.redis_connection import redis_client

REPORT_TTL_S = 20
SIGNS_KEPT_S = 86_400  # so long the last sign of life of a silent process is known

_REPORT_PREFIX = "paddock:report:"
_SIGNS_KEY = "paddock:signs-of-life"
_TRIAL_KEY = "paddock:trial"
_RUNS_KEY = "paddock:last-runs"


def write_report(name: str, payload: bytes) -> None:
    """Keep a process's report for ``REPORT_TTL_S``, and the time it came for ``SIGNS_KEPT_S``."""
    now_s = time.time()
    pipeline = redis_client().pipeline(transaction=False)
    pipeline.set(f"{_REPORT_PREFIX}{name}", payload, ex=REPORT_TTL_S)
    pipeline.zadd(_SIGNS_KEY, {name: now_s})
    pipeline.zremrangebyscore(_SIGNS_KEY, "-inf", now_s - SIGNS_KEPT_S)
    pipeline.execute()


def forget_report(name: str) -> None:
    """Remove a process that ended on purpose: its report, and its sign of life."""
    pipeline = redis_client().pipeline(transaction=False)
    pipeline.delete(f"{_REPORT_PREFIX}{name}")
    pipeline.zrem(_SIGNS_KEY, name)
    pipeline.execute()


def reports() -> dict[str, bytes]:
    """Return the newest report of each living process, by its name."""
    names = sorted(signs_of_life())
    if not names:
        return {}
    payloads = cast("list[bytes | None]", redis_client().mget([f"{_REPORT_PREFIX}{name}" for name in names]))
    return {name: payload for name, payload in zip(names, payloads, strict=True) if payload is not None}


def signs_of_life() -> dict[str, float]:
    """Return when each process reported last (its wall clock, seconds); those that ended on purpose are left out."""
    signs = cast("list[tuple[bytes, float]]", redis_client().zrange(_SIGNS_KEY, 0, -1, withscores=True))
    return {name.decode(): at_s for name, at_s in signs}


def note_run(task: str, run: dict[str, Any]) -> None:
    """Keep how a job's last run went."""
    redis_client().hset(_RUNS_KEY, task, json.dumps(run, allow_nan=False))


def last_runs() -> dict[str, dict[str, Any]]:
    """Return how each job's last run went, by its name."""
    runs = cast("dict[bytes, bytes]", redis_client().hgetall(_RUNS_KEY))
    return {task.decode(): json.loads(run) for task, run in runs.items()}


def queue_lengths(queues: Iterable[str]) -> dict[str, int]:
    """Return how many jobs wait in each of Celery's queues; a queue is a list of its own name."""
    client = redis_client()
    return {queue: cast("int", client.llen(queue)) for queue in queues}


def server_facts() -> dict[str, Any]:
    """Return Redis's ``INFO``."""
    return cast("dict[str, Any]", redis_client().info())


def try_to_write() -> None:
    """Write a key that is gone a second later.

    Raises:
        ResponseError: Redis refuses what is written, with its words.
    """
    redis_client().set(_TRIAL_KEY, b"1", px=1_000)
