"""Everything in one console: the servers, the set-up, the processes, the end of it all.

Reached through ``python3 start.py``, which has seen to the virtual environment.
"""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from marketdata.disk_errors import disk_words
from tradingsite import installations
from tradingsite.first_run import ADMIN_NAME
from tradingsite.launcher import keys, programs
from tradingsite.launcher.console import Console
from tradingsite.launcher.folders import keep_to_ourselves
from tradingsite.launcher.options import CannotStart, Options, read_options
from tradingsite.launcher.readiness import ReadinessWatch
from tradingsite.launcher.servers import Stopped, serve_data
from tradingsite.launcher.streams import open_streams, say
from tradingsite.launcher.supervisor import Supervisor, describe_exit

SERVICES = ("DATABASE_URL", "REDIS_URL", "PADDOCK_URL")  # what commands in another terminal need
UNSEEN_FILE = "admin_password"  # in the data folder, until the password has been shown
LEAST_FREE_BYTES = 500_000_000
FIRST_RUN_WITHIN_S = 300.0
READY_WITHIN_S = 60.0
KRAKEN_ANSWERS_WITHIN_S = 5.0
DEFAULT_KRAKEN_URL = "wss://ws.kraken.com/v2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Paddock until it is stopped; return the exit code."""
    open_streams()
    console = Console()
    supervisor = Supervisor(console)
    supervisor.listen_for_signals()
    try:
        _refuse_exchange_keys()
        options = read_options(sys.argv[1:] if arguments is None else arguments)
        with _claimed(options.data_dir) as data_dir:
            try:
                console.keep_log(data_dir / "logs" / "paddock.log")
                _run(options, console, supervisor)
            finally:
                _stop(console, supervisor)
                (data_dir / installations.SERVICES_FILE).unlink(missing_ok=True)
    except CannotStart as error:
        say(sys.stderr, f"paddock cannot start: {error}")
        return 1
    except OSError as error:
        say(sys.stderr, f"paddock cannot go on: {disk_words(error)}")
        return 1
    except Stopped:
        pass
    console.step("everything is stopped")
    return 0


def _refuse_exchange_keys() -> None:
    try:
        keys.refuse_exchange_keys(os.environ)
    except ImproperlyConfigured as error:
        raise CannotStart(str(error)) from None


def _run(options: Options, console: Console, supervisor: Supervisor) -> None:
    _check_port(options.port)
    _check_disk(options.data_dir)
    kraken_url = os.environ.get("KRAKEN_WS_URL") or DEFAULT_KRAKEN_URL
    check = _KrakenCheck(kraken_url) if options.source == "auto" else None
    environ = {
        "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
        "PADDOCK_DATA_DIR": str(options.data_dir),
        "PADDOCK_BIND": "127.0.0.1",
        "PADDOCK_URL": os.environ.get("PADDOCK_URL") or f"http://127.0.0.1:{options.port}",
        "PYTHONUNBUFFERED": "1",
        # Each process is one core's work; a pool of threads for each would only get in the way.
        "OPENBLAS_NUM_THREADS": "1",
        **serve_data(options.data_dir, console, supervisor),
    }
    _write_services(options.data_dir, environ)
    _remember(options.data_dir, console)
    _set_up(options.data_dir, environ, console, supervisor)
    source = _choose_source(options.source, check, console, supervisor)
    _start_trading(options, source, environ, supervisor)
    watch = ReadinessWatch(options.port)
    is_ready = supervisor.run_until(lambda: watch.is_ready, timeout_s=READY_WITHIN_S)
    if supervisor.stop_requested is not None:
        raise Stopped
    if is_ready:
        console.step("frames flow, workers trade")
    else:
        console.say(f"not ready after {READY_WITHIN_S:.0f} s: {watch.complaint}", level="ERROR")
    supervisor.start(programs.jobs(environ))
    supervisor.start(programs.notify(environ))
    supervisor.start(programs.beat(options.data_dir, environ))
    console.headline(
        f"Paddock   http://127.0.0.1:{options.port}/", f"Market    {_describe(source)}", "Stop      Ctrl-C"
    )
    supervisor.run_until(lambda: False, timeout_s=options.duration_s)
    if options.duration_s is not None and not is_ready and not watch.is_ready:
        raise CannotStart(f"it was not ready within the {options.duration_s:g} s given: {watch.complaint}")


def _stop(console: Console, supervisor: Supervisor) -> None:
    if supervisor.children:
        why = supervisor.stop_requested
        console.say(f"stopping{'' if why is None else f' ({why.name})'}: the web site first, the databases last")
    supervisor.stop()
    supervisor.close()


@contextlib.contextmanager
def _claimed(data_dir: Path) -> Iterator[Path]:
    """Hold ``data_dir``, made if need be, for this launcher alone."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep_to_ourselves(data_dir)
        lock = (data_dir / installations.LOCK_FILE).open("a+")
    except OSError as error:
        raise CannotStart(
            f"--data-dir {data_dir} cannot be used ({disk_words(error)}): expected a folder that can be written"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"another Paddock (process {lock.read().strip() or 'unknown'}) runs on {data_dir}: "
                "stop it, or choose another folder with --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield data_dir


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            is_forbidden = error.errno in {errno.EACCES, errno.EPERM}
            do = "low ports are for root" if is_forbidden else "stop what listens there"
            raise CannotStart(
                f"port {port} on 127.0.0.1 cannot be had ({error.strerror}): {do}, or choose another with --port"
            ) from None


def _check_disk(data_dir: Path) -> None:
    free = shutil.disk_usage(data_dir).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"{data_dir} has {free / 1e6:.0f} MB left on its disk: expected at least "
            f"{LEAST_FREE_BYTES / 1e6:.0f} MB; free some, or choose another folder with --data-dir"
        )


def _write_services(data_dir: Path, environ: dict[str, str]) -> None:
    draft = data_dir / f".{installations.SERVICES_FILE}"
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{name}={environ[name]}\n" for name in SERVICES))
    draft.replace(data_dir / installations.SERVICES_FILE)


def _remember(data_dir: Path, console: Console) -> None:
    try:
        installations.remember(data_dir)
    except OSError as error:
        console.say(f"manage.py needs --data-dir {data_dir}: it cannot be noted here ({error})", level="WARNING")


def _set_up(data_dir: Path, environ: dict[str, str], console: Console, supervisor: Supervisor) -> None:
    """Bring the database up to date; show the admin's password if one was made."""
    # Made here and handed down, so that it passes through no pipe and no log.
    given = os.environ.get("PADDOCK_ADMIN_PASSWORD")
    unseen = data_dir / UNSEEN_FILE
    was_unseen = unseen.exists()
    password = given or _unseen_password(unseen)
    program = programs.first_run({**environ, "PADDOCK_ADMIN_PASSWORD": password})
    try:
        done = supervisor.run_once(program, timeout_s=FIRST_RUN_WITHIN_S)
    except TimeoutError as error:
        raise CannotStart(f"the database could not be brought up to date: {error}") from None
    if supervisor.stop_requested is not None:
        raise Stopped
    if done.exit_code != 0:
        assert done.exit_code is not None
        last = next((line for line in reversed(done.last_lines) if line.strip()), "it wrote nothing")
        raise CannotStart(f"the database could not be brought up to date ({describe_exit(done.exit_code)}): {last}")
    console.step("the database is up to date, the league is seeded")
    if json.loads(done.last_lines[-1])["admin_made"] or (was_unseen and not given):
        shown = "the one in PADDOCK_ADMIN_PASSWORD" if given else f"{password}   (shown this once)"
        console.headline(f"Admin     {ADMIN_NAME}", f"Password  {shown}", secret=True)
    unseen.unlink(missing_ok=True)


def _unseen_password(path: Path) -> str:
    """Return a password for the admin, kept until it is shown: a start may end after the admin was made."""
    with contextlib.suppress(OSError):
        if password := path.read_text().strip():
            return password
    password = secrets.token_urlsafe(12)
    path.touch(mode=0o600)
    path.write_text(password)
    return password


class _KrakenCheck:
    """Checks whether Kraken answers, in a thread: looking up its name alone may take long."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered = threading.Event()
        self.is_yes = False
        threading.Thread(target=self._check, name="kraken", daemon=True).start()

    def _check(self) -> None:
        from marketdata.sources import kraken_answers

        self.is_yes = kraken_answers(self.url, timeout_s=KRAKEN_ANSWERS_WITHIN_S)
        self.answered.set()


def _choose_source(named: str, check: _KrakenCheck | None, console: Console, supervisor: Supervisor) -> str:
    if check is None:
        return named
    supervisor.run_until(check.answered.is_set, timeout_s=2 * KRAKEN_ANSWERS_WITHIN_S)
    if supervisor.stop_requested is not None:
        raise Stopped
    if check.is_yes:
        console.step(f"Kraken answers at {check.url}: this is the LIVE MARKET")
        return "kraken"
    console.say(f"Kraken does not answer at {check.url}: this is a SIMULATED MARKET", level="WARNING")
    return "simulated"


def _describe(source: str) -> str:
    return {
        "kraken": "Kraken, live (paper money)",
        "simulated": "SIMULATED: made-up prices",
    }.get(source) or f"RECORDING: {source.partition(':')[2]}"


def _start_trading(options: Options, source: str, environ: dict[str, str], supervisor: Supervisor) -> None:
    supervisor.start(programs.feed(source, options.speed, options.faults, environ))
    for number in range(1, options.workers + 1):
        supervisor.start(programs.worker(number, environ))
    supervisor.start(programs.web(options.port, environ))


if __name__ == "__main__":
    sys.exit(main())
