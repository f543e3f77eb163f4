"""The installations of this checkout: which data folders were started, which of them run.

The launcher notes every data folder in a file beside ``manage.py``; ``manage.py`` finds the embedded servers by it,
from any folder. An installation runs while its launcher holds the lock in the data folder. Standard library only.
"""

import contextlib
import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA_DIR = ROOT / "data"
LOCK_FILE = "lock"  # in the data folder: held by the launcher, holds its process id
SERVICES_FILE = "services.env"  # in the data folder, while the launcher runs: DATABASE_URL, REDIS_URL and PADDOCK_URL
MOST_REMEMBERED = 20
OPTION = "--data-dir"
# Everything else reads or writes the database, or Redis.
WITHOUT_SERVERS = frozenset(
    {
        *("help", "version", "check", "diffsettings", "findstatic", "collectstatic", "makemigrations", "spectacular"),
        *("newstrategy", "checkstrategy", "liststrategies", "replay", "recordings"),
        "doctor",  # it says itself what does not answer
    }
)


class NoInstallation(Exception):
    """The servers cannot be found; the message says what would be right, in one line."""


class Choice(NamedTuple):
    """The installation that a command is for."""

    data_dir: Path
    arguments: list[str]  # those left for the command
    complaint: str  # why its servers cannot be used, empty when they can


def remember(data_dir: Path, file: Path | None = None) -> None:
    """Note that ``data_dir`` was started just now.

    Raises:
        OSError: the file cannot be written.
    """
    with (file or _file()).open("a+") as listed:
        fcntl.flock(listed, fcntl.LOCK_EX)
        listed.seek(0)
        known = [line for line in listed.read().splitlines() if line and line != str(data_dir) and Path(line).is_dir()]
        listed.truncate(0)
        listed.write("".join(f"{line}\n" for line in [str(data_dir), *known][:MOST_REMEMBERED]))


def remembered(file: Path | None = None) -> list[Path]:
    """Return the data folders that were started and still exist, the newest start first, then the default one."""
    try:
        lines = (file or _file()).read_text().splitlines()
    except OSError:
        lines = []
    folders = dict.fromkeys([*map(Path, filter(None, lines)), DEFAULT_DATA_DIR])
    return [folder for folder in folders if folder.is_dir()]


def is_running(data_dir: Path) -> bool:
    """Return whether a launcher holds ``data_dir``; one that was killed has dropped its lock."""
    try:
        with (data_dir / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def choose(arguments: Sequence[str], environ: Mapping[str, str] = os.environ, file: Path | None = None) -> Choice:
    """Return the installation that ``manage.py ARGUMENTS`` is for.

    ``--data-dir`` before the command names it, else ``PADDOCK_DATA_DIR``, else it is the only one that runs, else the
    one that was started last.

    Raises:
        NoInstallation: ``--data-dir`` has no value, or several run and none is named.
    """
    named, rest = _named(arguments)
    named = named or environ.get("PADDOCK_DATA_DIR") or ""
    has_servers = bool(environ.get("DATABASE_URL"))
    needs_servers = _needs_servers(rest)
    if named:
        data_dir = Path(named).expanduser().absolute()
        return Choice(data_dir, rest, "" if has_servers else _complaint(data_dir))
    if has_servers and environ.get("REDIS_URL"):
        return Choice(DEFAULT_DATA_DIR, rest, "")
    folders = remembered(file)
    running = [folder for folder in folders if is_running(folder)]
    if len(running) > 1 and needs_servers:
        names = ", ".join(f"{folder} (process {_process_of(folder)})" for folder in running)
        raise NoInstallation(f"several Paddocks run: {names}; say which one with {OPTION} PATH")
    data_dir = next(iter([*running, *folders]), DEFAULT_DATA_DIR)
    return Choice(data_dir, rest, "" if has_servers else _complaint(data_dir))


def refuse_without_servers(choice: Choice) -> None:
    """Check that the servers are there, where the command needs them.

    Raises:
        NoInstallation: they are not.
    """
    if choice.complaint and _needs_servers(choice.arguments):
        raise NoInstallation(choice.complaint)


def _file() -> Path:
    return Path(os.environ.get("PADDOCK_INSTALLATIONS") or ROOT / ".paddock-installations")


def _named(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return what ``--data-dir`` before the command names, and the arguments without it."""
    if arguments[:1] and arguments[0].startswith(f"{OPTION}="):
        name, rest = arguments[0].partition("=")[2], list(arguments[1:])
    elif arguments[:1] == [OPTION]:
        name, rest = next(iter(arguments[1:2]), ""), list(arguments[2:])
    else:
        return "", list(arguments)
    if not name or name.startswith("-"):
        raise NoInstallation(f"{OPTION} names no folder: expected {OPTION} PATH before the command")
    return name, rest


def _needs_servers(arguments: Sequence[str]) -> bool:
    command = next(iter(arguments), "")
    is_help = not command or command.startswith("-") or not {"-h", "--help"}.isdisjoint(arguments)
    return not is_help and command not in WITHOUT_SERVERS


def _complaint(data_dir: Path) -> str:
    if not is_running(data_dir):
        option = "" if data_dir == DEFAULT_DATA_DIR else f" {OPTION} {data_dir}"
        return (
            f"no Paddock runs on {data_dir}: start it with `python3 start.py{option}`, name another's folder with "
            f"{OPTION} PATH, or set DATABASE_URL and REDIS_URL"
        )
    if not (data_dir / SERVICES_FILE).exists():
        return f"the Paddock on {data_dir} has no servers yet: it is starting or stopping; try again in a moment"
    return ""


def _process_of(data_dir: Path) -> str:
    with contextlib.suppress(OSError):
        return (data_dir / LOCK_FILE).read_text().strip() or "unknown"
    return "unknown"
