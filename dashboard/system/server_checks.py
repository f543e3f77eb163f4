"""The doctor's checks of Redis."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from dashboard.system import readings
from dashboard.system.findings import Finding, Verdict, fine
from dashboard.system.readings import Redis
from dashboard.system.server_rules import KEEP_KEYS, MEMORY_SHARE
from marketdata.telemetry import report_store


def redis_server(check: str) -> Iterator[Finding]:
    """Check that Redis takes what is written, and keeps it."""
    server = readings.redis_server()
    memory = f"{server.bytes / 1e6:.0f} MB"
    if server.most_bytes:
        memory += f" of {server.most_bytes / 1e6:.0f} MB"
    yield fine(check, f"{server.server} {server.version}, {memory}, {server.clients} clients")
    yield from _writing(check)
    yield from _keeping(check, server)


def _writing(check: str) -> Iterator[Finding]:
    try:
        report_store.try_to_write()
    except redis.ResponseError as error:
        yield Finding(f"{check} writing", Verdict.BAD, f"refused: {error}", _remedy(str(error)))
    else:
        yield fine(f"{check} writing", "is taken")


def _remedy(refusal: str) -> str:
    words = refusal.lower()
    if "maxmemory" in words or "oom" in words:
        return "raise its maxmemory, or free memory: until then no frame is published"
    if "misconf" in words or "disk" in words or "aof" in words:
        return "free space on its disk, and make its folder writable: its log says which"
    if "readonly" in words or "read only" in words:
        return "let REDIS_URL name the primary, this is a replica"
    if "noperm" in words or "permission" in words:
        return "grant the user in REDIS_URL its keys and commands"
    return "see its log"


def _keeping(check: str, server: Redis) -> Iterator[Finding]:
    place = f"{check} keeping"
    if server.evicted_keys and server.evicts:
        detail = f"{server.evicted_keys:,} keys were evicted since it started: frames may be lost"
        yield Finding(place, Verdict.BAD, detail, KEEP_KEYS)
    elif server.evicts:
        detail = f"maxmemory-policy is {server.policy}: frames are evicted when memory is full"
        yield Finding(place, Verdict.WARN, detail, KEEP_KEYS)
    elif server.most_bytes and server.bytes >= MEMORY_SHARE * server.most_bytes:
        yield Finding(
            place, Verdict.WARN, f"{server.bytes / server.most_bytes:.0%} of its memory is used", "raise maxmemory"
        )
    elif not server.is_saved:
        yield Finding(
            place, Verdict.BAD, "its last write to the disk failed", "free space on its disk: its log says more"
        )
    else:
        yield fine(place, "no key was evicted")
