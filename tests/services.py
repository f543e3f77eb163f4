"""A pytest plugin: PostgreSQL and Valkey for one test run, thrown away at its end; and the fast lane, without them.

Loaded with ``-p`` from pyproject.toml, because pytest-django reads the settings, and they the
URLs, before any conftest.py. A DATABASE_URL or REDIS_URL that is already set is left alone.
With xdist each worker has its own: publications cross the border between Redis databases, and a
transaction in one database of a cluster holds up what the stream shows in another.

``--fast`` starts neither: it runs what decides without a server, a socket or a browser.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tradingsite.launcher import embedded

START_WITHIN_S = 30.0
_OURS = "PADDOCK_TEST_SERVICES"  # the variables set by this plugin, for the workers of xdist to know
_ONE_PER_WORKER = {"PADDOCK_DATA_DIR", "DATABASE_URL", "REDIS_URL"}

FAST = ("tests/trading", "tests/marketdata/kraken", "tests/marketdata/framing", "tests/strategies/library")
_SLOW = ("slow", "browser", "django_db")
_NO_SERVERS = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}

_running: list[tuple[subprocess.Popen, signal.Signals]] = []
_folders: list[Path] = []


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="only what needs no server; without a path: the pure parts")


# A wrapper runs before every plain hook, pytest-django's among them.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    if early_config.known_args_namespace.fast:
        os.environ.update(_NO_SERVERS)
        os.environ.setdefault("HYPOTHESIS_PROFILE", "fast")
    start_services()
    return (yield)


def pytest_configure(config):
    if config.option.fast and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(config.rootpath / path) for path in FAST]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if config.option.fast:
        slow = [item for item in items if any(item.get_closest_marker(name) for name in _SLOW)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


def pytest_unconfigure(config):
    stop_services()


def start_services() -> None:
    """Start what the environment does not already name, and set the URLs."""
    ours = os.environ.get(_OURS, "").split()
    for name, start in {
        "PADDOCK_SECRET_KEY": lambda: secrets.token_urlsafe(50),
        "PADDOCK_DATA_DIR": lambda: str(_folder("paddock-data-")),
        "PADDOCK_INSTALLATIONS": lambda: str(_folder("paddock-listed-") / "listed"),
        "DATABASE_URL": start_postgres,
        "REDIS_URL": start_valkey,
    }.items():
        if name not in os.environ or (name in ours and name in _ONE_PER_WORKER):
            os.environ[name] = start()
            os.environ[_OURS] = " ".join({*os.environ.get(_OURS, "").split(), name})


def start_postgres() -> str:
    """Start a cluster that forgets everything at the end; return its URL."""
    account = embedded.server_account()
    folder = _folder("paddock-pg-")
    home = embedded.home_of(folder, account)
    if home != folder:
        _folders.append(home)
    programs = embedded.postgres_programs(account, home)
    sockets = embedded.socket_dir_of(home, account)
    cluster = home / "postgres"
    embedded.make_cluster(cluster, programs=programs, account=account, durable=False)
    command = embedded.postgres_command(cluster, socket_dir=sockets, programs=programs, account=account, durable=False)
    _start(command, signal.SIGINT, log=folder / "log", account=account, ready=sockets / ".s.PGSQL.5432")
    return embedded.postgres_url(sockets, "postgres")


def start_valkey() -> str:
    """Start an empty Valkey; return its URL."""
    folder = _folder("paddock-vk-")
    command = embedded.valkey_command(folder, socket_dir=folder, durable=False)
    _start(command, signal.SIGTERM, log=folder / "log", ready=folder / "valkey.sock")
    return embedded.valkey_url(folder)


def stop_services() -> None:
    """Stop what was started here, last first, and remove its files."""
    while _running:
        process, farewell = _running.pop()
        process.send_signal(farewell)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def _folder(prefix: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    _folders.append(folder)
    return folder


def _start(
    command: list[str],
    farewell: signal.Signals,
    *,
    log: Path,
    ready: Path,
    account: embedded.Account = embedded.OURSELVES,
) -> None:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            user=account.uid,
            group=account.gid,
            process_group=0,
            preexec_fn=embedded.die_with_parent(farewell),  # noqa: PLW1509 - pytest starts no thread before us
        )
    _running.append((process, farewell))
    end = time.monotonic() + START_WITHIN_S
    while not _answers(ready):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{Path(command[0]).name} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.02)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
