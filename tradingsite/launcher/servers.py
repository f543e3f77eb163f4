"""The database and Redis: our own children unless the environment names others; both seen to answer."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from marketdata.disk_errors import disk_words
from tradingsite import environment
from tradingsite.launcher import embedded, programs
from tradingsite.launcher.console import Console
from tradingsite.launcher.options import CannotStart
from tradingsite.launcher.supervisor import Child, Supervisor

START_WITHIN_S = 60.0
OLD_SERVER_ENDS_WITHIN_S = 20.0


class Stopped(Exception):
    """A stop was requested before everything was up."""


def serve_data(data_dir: Path, console: Console, supervisor: Supervisor) -> dict[str, str]:
    """Start the servers that the environment does not name; return DATABASE_URL and REDIS_URL, which answer.

    Raises:
        CannotStart: one does not start or does not answer.
        Stopped: a stop was requested meanwhile.
    """
    database_url, redis_url = _urls_from_environment()
    postgres = valkey = None
    try:
        # Both are started before either is waited for.
        if not database_url:
            account = embedded.server_account()
            home = embedded.home_of(data_dir, account)
            sockets = embedded.socket_dir_of(home, account)
            postgres = _start_postgres(home, sockets, account, console, supervisor)
        if not redis_url:
            folder = data_dir / "valkey"
            folder.mkdir(mode=0o700, exist_ok=True)
            valkey_sockets = embedded.socket_dir_of(data_dir, embedded.OURSELVES)
            valkey = supervisor.start(programs.valkey(folder, socket_dir=valkey_sockets))
            redis_url = embedded.valkey_url(valkey_sockets)
    except OSError as error:
        raise CannotStart(f"the embedded servers cannot be started: {disk_words(error)}") from None
    if postgres is not None:
        _await_answer(_database_check(embedded.postgres_url(sockets, "postgres")), postgres, supervisor)
        database_url = _make_database(sockets)
    else:
        _await_answer(_database_check(database_url), "DATABASE_URL", supervisor)
    _await_answer(_redis_check(redis_url), valkey or "REDIS_URL", supervisor)
    console.step(
        f"{'PostgreSQL (embedded)' if postgres else 'the database (DATABASE_URL)'} and "
        f"{'Valkey (embedded)' if valkey else 'Redis (REDIS_URL)'} answer"
    )
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


def _urls_from_environment() -> tuple[str, str]:
    database_url, redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    try:
        if database_url:
            environment.database_from_url(database_url)
        if redis_url:
            redis_url = environment.redis_url(redis_url)
    except ImproperlyConfigured as error:
        raise CannotStart(str(error)) from None
    return database_url, redis_url


def _start_postgres(
    home: Path, sockets: Path, account: embedded.Account, console: Console, supervisor: Supervisor
) -> Child:
    binaries = embedded.postgres_programs(account, home)
    cluster = home / "postgres"
    try:
        with contextlib.suppress(OSError):
            cluster.rmdir()  # an empty folder holds nothing that could be lost
        if cluster.exists():
            embedded.check_cluster(cluster, account)
        else:
            embedded.make_cluster(cluster, programs=binaries, account=account)
            console.step(f"an empty database is made in {cluster}")
    except (embedded.DamagedCluster, embedded.ClusterNotMade) as error:
        raise CannotStart(str(error)) from None
    # The server of a launcher that was killed a moment ago may still be writing its last page.
    supervisor.run_until(lambda: not embedded.is_served(cluster), timeout_s=OLD_SERVER_ENDS_WITHIN_S)
    return supervisor.start(programs.postgres(cluster, socket_dir=sockets, programs=binaries, account=account))


def _await_answer(check: Callable[[], str], server: Child | str, supervisor: Supervisor) -> None:
    """Wait until ``check`` has no complaint; give up at once on a child that died, or on another's server.

    ``server`` is our child, or the name of the variable that names the server.
    """
    complaint = ""

    def is_settled() -> bool:
        nonlocal complaint
        complaint = check()
        return not complaint or isinstance(server, str) or server.restart_at_s is not None

    supervisor.run_until(is_settled, timeout_s=START_WITHIN_S)
    if supervisor.stop_requested is not None:
        raise Stopped
    if complaint and isinstance(server, str):
        raise CannotStart(
            f"the server that {server} names does not answer: {complaint}; start it, correct the URL, "
            f"or unset {server} to use the embedded one"
        )
    if complaint and not isinstance(server, str):
        do = "" if server.program.name == "postgres" else "; it holds nothing that must last: delete its folder"
        raise CannotStart(f"the embedded {server.program.name} did not start: {_last_line(server)}{do}")


def _database_check(url: str) -> Callable[[], str]:
    import psycopg

    def check() -> str:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.Error as error:
            return one_line(error)
        return ""

    return check


def _redis_check(url: str) -> Callable[[], str]:
    import redis

    def check() -> str:
        try:
            with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
                client.ping()
        except (redis.RedisError, ValueError) as error:
            return str(error)
        return ""

    return check


def _make_database(sockets: Path) -> str:
    """Make our database where it is missing; return its URL."""
    import psycopg

    try:
        with (
            psycopg.connect(embedded.postgres_url(sockets, "postgres"), autocommit=True) as connection,
            contextlib.suppress(psycopg.errors.DuplicateDatabase),
        ):
            connection.execute(f"CREATE DATABASE {embedded.DATABASE_NAME}")
    except psycopg.Error as error:
        raise CannotStart(f"PostgreSQL makes no database {embedded.DATABASE_NAME}: {one_line(error)}") from None
    return embedded.postgres_url(sockets)


def one_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _last_line(child: Child) -> str:
    fatal = [line for line in child.last_lines if line.startswith(("FATAL", "PANIC", "ERROR"))]
    lines = fatal or [line for line in child.last_lines if line.strip()]
    return lines[-1] if lines else "it wrote nothing"
