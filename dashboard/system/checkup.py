"""The checks of `manage.py doctor`. A check never raises: a failed check is bad."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import django
import httpx
import redis
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard.system import machine_checks, readings, server_checks
from dashboard.system.findings import Finding, Verdict, fine
from dashboard.system.processes import process_of
from dashboard.system.server_rules import BACKUP_OLD_DAYS
from marketdata import bus
from marketdata.disk_errors import disk_words
from marketdata.proxies import InvalidProxy, proxy_for, through, transport_to
from marketdata.sources import kraken_answers
from marketdata.telemetry import report_store
from marketdata.telemetry.reporting import living_reports
from strategies.versions import registry

ANSWER_WITHIN_S = 5.0
MAKE_A_BACKUP = "run manage.py backup, every night by cron"
_STYLE_SHEET = "dashboard/paddock.css"


def findings() -> Iterator[Finding]:
    """Yield the findings of every check; a check comes after those it depends on."""
    for name, check in CHECKS.items():
        try:
            yield from check(name)
        except (DatabaseError, InterfaceError, redis.RedisError, OSError, LookupError, ValueError) as error:
            text = disk_words(error) if isinstance(error, OSError) else str(error)
            words = " ".join(text.split()) or type(error).__name__
            yield Finding(name, Verdict.BAD, words, _DO.get(name, ""))


def _database(check: str) -> Iterator[Finding]:
    server = readings.database()
    yield fine(check, f"PostgreSQL {server.version}, {server.bytes / 1e6:.0f} MB, {server.connections} connections")


def _migrations(check: str) -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        yield Finding(check, Verdict.BAD, f"{len(missing)} not applied: {missing[0]}, …", "run manage.py migrate")
    else:
        yield fine(check, "all applied")


def _exchange(check: str) -> Iterator[Finding]:
    """Check that the exchange answers, where the league runs on its market."""
    market = bus.current_market() or "kraken"
    if not market.startswith("kraken"):
        yield fine(check, f"not needed: the league runs on {market}")
        return
    proxies = machine_checks.proxies()
    do = "check this machine's network and firewall"
    if proxies:
        do = f"{do}, and the proxy that {', '.join(proxies)} names"
    for side, url, answers in (
        ("socket", settings.KRAKEN_WS_URL, _socket_answers),
        ("REST", settings.KRAKEN_REST_URL, _rest_answers),
    ):
        place = f"{check} {side}"
        if answers():
            yield fine(place, f"{url} answers")
        else:
            yield Finding(place, Verdict.BAD, f"{url} does not answer within {ANSWER_WITHIN_S:.0f} s{_way_to(url)}", do)


def _way_to(url: str) -> str:
    """Return through which proxy a place was tried, or what is wrong with the one that is set."""
    try:
        return through(proxy_for(url))
    except InvalidProxy as error:
        return f": {error}"


def _socket_answers() -> bool:
    return kraken_answers(settings.KRAKEN_WS_URL, timeout_s=ANSWER_WITHIN_S)


def _rest_answers() -> bool:
    try:
        url = settings.KRAKEN_REST_URL
        with httpx.Client(transport=transport_to(url), timeout=ANSWER_WITHIN_S) as client:
            answer = client.get(f"{url}/0/public/SystemStatus")
        return answer.status_code == httpx.codes.OK and "result" in answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def _backup(check: str) -> Iterator[Finding]:
    last = readings.last_backup()
    if last is None:
        yield Finding(check, Verdict.WARN, "no backup recorded", MAKE_A_BACKUP)
        return
    days = (datetime.now(UTC) - last.at).days
    detail = f"{last.name}, {days} day{'' if days == 1 else 's'} old"
    if days >= BACKUP_OLD_DAYS:
        yield Finding(check, Verdict.WARN, detail, MAKE_A_BACKUP)
    else:
        yield fine(check, detail)


def _static_files(check: str) -> Iterator[Finding]:
    if settings.STATIC_ROOT:
        is_there = staticfiles_storage.exists(_STYLE_SHEET)
        where, do = settings.STATIC_ROOT, "run manage.py collectstatic"
    else:
        is_there = finders.find(_STYLE_SHEET) is not None
        where, do = "the packages' folders", "reinstall Paddock: files are missing"
    if is_there:
        yield fine(check, f"found in {where}")
    else:
        yield Finding(check, Verdict.BAD, f"{_STYLE_SHEET} is not in {where}", do)


def _processes(check: str) -> Iterator[Finding]:
    alive = [report.process for report in living_reports()]
    for kind, start, verdict in (
        ("feed", "manage.py run_feed", Verdict.BAD),
        ("worker", "manage.py run_worker", Verdict.BAD),
        ("web", "daphne tradingsite.asgi:application", Verdict.WARN),
        ("jobs", "celery -A tradingsite worker", Verdict.WARN),
        ("beat", "celery -A tradingsite beat", Verdict.WARN),
    ):
        if count := alive.count(kind):
            yield fine(kind, f"{count} running")
        else:
            seen = [at_s for name, at_s in report_store.signs_of_life().items() if name.startswith(f"{kind}@")]
            last = f"; last seen {time.time() - max(seen):.0f} s ago" if seen else ""
            yield Finding(kind, verdict, f"not running{last}", f"start {start}, or everything with python3 start.py")


def _strategies(check: str) -> Iterator[Finding]:
    registry.refresh()
    for failure in registry.failures():
        yield Finding(check, Verdict.WARN, f"{failure.path}: {failure.error}", "fix it: manage.py checkstrategy PATH")
    yield fine(check, f"{len(registry.found())} found")


def _versions(check: str) -> Iterator[Finding]:
    ours = settings.PADDOCK_VERSION
    detail = f"Paddock {ours}, Python {platform.python_version()}, Django {django.get_version()}"
    others = {process.version for process in map(process_of, living_reports()) if process.version} - {ours}
    if others:
        yield Finding(check, Verdict.WARN, f"{detail}; also running: {', '.join(sorted(others))}", "restart them")
    else:
        yield fine(check, detail)


_DO = {
    "database": "check that PostgreSQL runs and DATABASE_URL is correct",
    "migrations": "fix the database first",
    "clock": "fix the database first",
    "redis": "check that Redis or Valkey runs and REDIS_URL is correct",
    "exchange": "fix Redis first",
    "processes": "fix Redis first",
    "versions": "fix Redis first",
    "data folder": machine_checks.DATA_FOLDER_DO,
    "strategies": "fix the database first",
    "backup": "fix the database first",
}
CHECKS: dict[str, Callable[[str], Iterator[Finding]]] = {
    "database": _database,
    "migrations": _migrations,
    "clock": machine_checks.clock,
    "redis": server_checks.redis_server,
    "proxy": machine_checks.proxy,
    "exchange": _exchange,
    "disk": machine_checks.disk,
    "data folder": machine_checks.data_folder,
    "backup": _backup,
    "static files": _static_files,
    "processes": _processes,
    "strategies": _strategies,
    "versions": _versions,
}
