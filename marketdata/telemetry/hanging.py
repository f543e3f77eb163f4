"""When a process counts as hung: the one rule of the launcher, the wardens and the containers' health checks.

A process that is slow is left alone. Time counts only as it was watched: after a pause of the watcher itself, as of a
laptop that slept, everybody begins anew. Standard library only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from marketdata.telemetry.pulse import Beat

VARIABLE = "PADDOCK_SILENCE_S"
SILENCE_S = 60.0
LONGEST_STEP_S = 2.0  # that counts between two looks
PAUSE_S = 10.0  # between two looks: the watcher itself stood still, and whom it watches may have, too
ANSWER_WITHIN_S = 2.0
BUSY_SHARE = 0.05  # of the time running or waiting for a processor; less is what threads beside the work take
_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}
_REDIS_PING = b"PING\r\n"
_POSTGRES_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long a process may show no sign of life."""

    stopped_s: float  # stopped by a signal: it cannot go on by itself
    idle_s: float  # neither running nor waiting for a processor
    busy_s: float  # running or waiting for a processor
    start_s: float  # idle, before its first sign of life

    @classmethod
    def of(cls, silence_s: float) -> Patience:
        """Return the patience with a process whose work has a pulse."""
        return cls(stopped_s=silence_s / 6, idle_s=silence_s, busy_s=silence_s * 5, start_s=silence_s * 3)

    @classmethod
    def with_a_server(cls, silence_s: float) -> Patience:
        """Return the patience with a process that answers requests: whoever asked it does not wait longer."""
        half_s = silence_s / 2
        return cls(stopped_s=silence_s / 6, idle_s=half_s, busy_s=half_s, start_s=silence_s * 5)


def silence_s(environ: Mapping[str, str] = os.environ) -> float:
    """Return ``PADDOCK_SILENCE_S``; 0: no process is ended for being silent.

    Raises:
        ValueError: it is no number of seconds.
    """
    text = environ.get(VARIABLE, "").strip() or str(SILENCE_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 86_400:
        raise ValueError(f"{VARIABLE} is {text!r}: expected seconds, from 0 (never) to a day")
    return seconds


class Vitals(NamedTuple):
    """What the kernel says of a process's first thread, the one that works."""

    is_stopped: bool
    wanted_s: float | None  # for how long it ran or waited for a processor, ever; None: not known here


def vitals_of(process_id: int) -> Vitals:
    """Return the vitals of a process; of one that is gone, or where the kernel says nothing, nothing is known."""
    folder = Path(f"/proc/{process_id}")
    try:
        state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
        ran_ns, waited_ns = (folder / "schedstat").read_bytes().split()[:2]
    except (OSError, IndexError, ValueError):
        return Vitals(is_stopped=False, wanted_s=None)
    return Vitals(is_stopped=state == b"T", wanted_s=(int(ran_ns) + int(waited_ns)) / 1e9)


class Silence:
    """Counts for how long a process has shown no sign of life; shown its vitals every second or so."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._beat: Beat | None = None
        self._seen_s: float | None = None
        self._wanted_s: float | None = None  # at the last sign of life
        self._silent_s = self._stopped_s = 0.0

    def look(self, beat: Beat | None, vitals: Vitals, *, now_s: float) -> str:
        """Return what is wrong, as a clause, or ""; ``now_s`` is any steady clock."""
        step_s = 0.0 if self._seen_s is None else now_s - self._seen_s
        self._seen_s = now_s
        if step_s >= PAUSE_S:
            self.forgive(vitals)
            step_s = 0.0
        step_s = min(step_s, LONGEST_STEP_S)
        self._stopped_s = self._stopped_s + step_s if vitals.is_stopped else 0.0
        if beat != self._beat or (self._wanted_s is None and vitals.wanted_s is not None):
            self._beat = beat
            self.forgive(vitals, stopped=False)
        else:
            self._silent_s += step_s
        if self._stopped_s >= self._patience.stopped_s:
            return f"has been stopped by a signal for {self._stopped_s:.0f} s"
        if self._silent_s < self._limit_s(vitals):
            return ""
        doing = "though it is busy" if self._is_busy(vitals) else "and does nothing"
        return f"has shown no sign of life for {self._silent_s:.0f} s {doing}"

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has stopped it, so that nothing but another one will have it go on."""
        return self._stopped_s > 0

    def forgive(self, vitals: Vitals, *, stopped: bool = True) -> None:
        """Begin to count anew, as after a sign of life."""
        self._silent_s, self._wanted_s = 0.0, vitals.wanted_s
        if stopped:
            self._stopped_s = 0.0

    def _limit_s(self, vitals: Vitals) -> float:
        patience, usual_s = self._patience, self._patience.busy_s if self._is_busy(vitals) else self._patience.idle_s
        return max(patience.start_s, usual_s) if self._beat is None else usual_s + self._beat.allowed_s

    def _is_busy(self, vitals: Vitals) -> bool:
        if vitals.wanted_s is None or self._wanted_s is None:
            return True
        return vitals.wanted_s - self._wanted_s >= self._silent_s * BUSY_SHARE


def servers_answer(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the database and Redis answer: a process that waits for one of them does not hang."""
    urls = [environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")]
    return all(_answers(url) for url in urls if url)


def _answers(url: str) -> bool:
    """Return whether the server says anything at all: one that is stopped accepts a connection, and says nothing."""
    parts = urlsplit(url)
    is_redis = parts.scheme not in {"postgresql", "postgres"}
    try:
        with _connected(url) as connection:
            if parts.scheme == "rediss":
                return True
            connection.sendall(_REDIS_PING if is_redis else _POSTGRES_SSL_REQUEST)
            return bool(connection.recv(1))
    except (OSError, ValueError):
        return False


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    host = unquote(parse_qs(parts.query).get("host", [""])[0] or parts.hostname or "")
    port = parts.port or _PORTS.get(parts.scheme, 0)
    if parts.scheme in {"unix", "redis+socket"}:
        host = parts.path
    elif host.startswith("/"):
        host = f"{host}/.s.PGSQL.{port}"
    if not host.startswith("/"):
        return socket.create_connection((host or "127.0.0.1", port), ANSWER_WITHIN_S)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_WITHIN_S)
    try:
        connection.connect(host)
    except OSError:
        connection.close()
        raise
    return connection
