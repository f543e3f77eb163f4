"""Every process that Paddock consists of: its name, command and environment."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from marketdata.telemetry import hanging, pulse
from marketdata.telemetry.hanging import Patience
from tradingsite.installations import ROOT
from tradingsite.launcher import embedded
from tradingsite.launcher.pulses import Answers, pulse_file
from tradingsite.launcher.supervisor import Program

# Each thread would have glibc keep memory of its own, and what is freed in one is not used in another.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
# Django's system checks load every page and API; ``start.py check`` runs them.
_NO_CHECKS = {"CELERY_SKIP_CHECKS": "1"}


def postgres(cluster: Path, *, socket_dir: Path, programs: Path, account: embedded.Account) -> Program:
    """Return the embedded PostgreSQL."""
    return Program(
        name="postgres",
        command=embedded.postgres_command(cluster, socket_dir=socket_dir, programs=programs, account=account),
        environ={"LC_ALL": "C.UTF-8"},
        cwd=Path("/"),
        account=account,
        stop_signal=signal.SIGINT,  # "fast": connections are ended, everything is written
        orphan_signal=signal.SIGINT,
        grace_s=30.0,
        # Which statements fail is for the process that sent them to say.
        least_level="CRITICAL",
    )


def valkey(folder: Path, *, socket_dir: Path) -> Program:
    """Return the embedded Valkey."""
    return Program(
        name="valkey",
        command=embedded.valkey_command(folder, socket_dir=socket_dir),
        cwd=Path("/"),
        least_level="ERROR",
    )


def first_run(environ: Mapping[str, str]) -> Program:
    """Return the step that brings the database up to date."""
    return _python("set-up", "-m", "tradingsite.first_run", environ=environ, least_level="WARNING", is_watched=False)


def feed(source: str, speed: float | None, faults: str | None, environ: Mapping[str, str]) -> Program:
    """Return the process that listens to the market."""
    pace = [] if speed is None else ["--speed", f"{speed:g}"]
    fault_options = [] if faults is None else ["--faults", faults]
    return _python(
        "feed",
        *("manage.py", "run_feed", "--source", source, *pace, *fault_options),
        environ=environ,
        may_finish=source.startswith("recording:"),
    )


def worker(number: int, environ: Mapping[str, str]) -> Program:
    """Return one of the processes that trade."""
    return _python(f"worker-{number}", "manage.py", "run_worker", environ=environ)


def web(port: int, environ: Mapping[str, str]) -> Program:
    """Return the web site."""
    return _python(
        "web",
        *("-m", "daphne", "-v", "0", "-b", environ["PADDOCK_BIND"], "-p", str(port)),
        *("--application-close-timeout", "2", "tradingsite.asgi:application"),
        environ={**environ, "PADDOCK_DATABASE_POOL": "8"},
        answers=Answers(port),
    )


def jobs(environ: Mapping[str, str]) -> Program:
    """Return Celery's worker: one job at a time, in the process itself, so that none is orphaned."""
    return _python(
        "jobs",
        *(
            "-m",
            "celery",
            "-A",
            "tradingsite",
            "--quiet",
            "worker",
            "--pool",
            "solo",
            "--loglevel",
            "WARNING",
        ),
        *("--without-mingle", "--without-gossip", "--without-heartbeat"),
        environ={**environ, **_NO_CHECKS},
    )


def notify(environ: Mapping[str, str]) -> Program:
    """Return Celery's worker for what is sent to people: many at once, for each waits for its receiver."""
    return _python(
        "notify",
        *("-m", "celery", "-A", "tradingsite", "--quiet", "worker", "--queues", "notifications"),
        *("--pool", "threads", "--concurrency", "8", "--hostname", "notify@%h", "--loglevel", "WARNING"),
        *("--without-mingle", "--without-gossip", "--without-heartbeat"),
        environ={**environ, **_NO_CHECKS},
    )


def beat(data_dir: Path, environ: Mapping[str, str]) -> Program:
    """Return Celery's clock."""
    return _python(
        "beat",
        *("-m", "celery", "-A", "tradingsite", "--quiet", "beat", "--loglevel", "WARNING"),
        *("--schedule", str(data_dir / "beat-schedule"), "--pidfile", ""),
        environ={**environ, **_NO_CHECKS},
    )


def _python(
    name: str,
    *arguments: str,
    environ: Mapping[str, str],
    least_level: str = "INFO",
    may_finish: bool = False,
    answers: Answers | None = None,
    is_watched: bool = True,
) -> Program:
    """Return a process of ours; one that answers no requests has the pulse of its work."""
    file = pulse_file(Path(environ["PADDOCK_DATA_DIR"]), name)
    silence_s = hanging.silence_s()
    patience = Patience.of(silence_s) if answers is None else Patience.with_a_server(silence_s)
    return Program(
        name=name,
        command=[sys.executable, *arguments],
        environ={**_ALLOCATOR, **environ} if answers else {**_ALLOCATOR, **environ, pulse.VARIABLE: str(file.path)},
        cwd=ROOT,
        least_level=least_level,
        may_finish=may_finish,
        pulse=answers or file,
        patience=patience if silence_s and is_watched else None,
    )
