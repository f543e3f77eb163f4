"""``python -m tradingsite.launcher.alive pulse|URL``: a container's health check, which ends a process that hangs.

Docker restarts what ended, never what is unhealthy. So the check ends the container's process, which is a child of the
container's init; the init ends with it, and the restart policy does the rest. Standard library only: it runs often.
"""

import http.client
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from marketdata.telemetry import hanging, pulse
from marketdata.telemetry.hanging import Patience, servers_answer, vitals_of
from marketdata.telemetry.pulse import PulseFile

ANSWER_WITHIN_S = 8.0
_INITS = frozenset({"docker-init", "tini", "catatonit", "dumb-init", "podman-init"})
_OURS = b"DJANGO_SETTINGS_MODULE=tradingsite.settings"
_LAST_ANSWER = Path("/tmp/paddock-last-answer")  # noqa: S108 - in a container, whose only user we are


def main(arguments: Sequence[str]) -> int:
    """Return 0 while there are signs of life, 1 when there are none; end what hangs."""
    if len(arguments) != 1 or not (arguments[0] == "pulse" or arguments[0].startswith("http://")):
        sys.stderr.write(f"expected `pulse` or http://HOST:PORT/PATH, got {' '.join(arguments) or 'nothing'}\n")
        return 2
    watched_s = hanging.silence_s()
    found = _children_of_init()
    silent_s, patience = (
        (_since_pulse_s(), Patience.of(watched_s))
        if arguments[0] == "pulse"
        else (_since_answer_s(arguments[0]), Patience.with_a_server(watched_s))
    )
    has_begun = silent_s is not None
    silent_s = min(map(_age_s, found), default=0.0) if silent_s is None else silent_s
    limit_s = patience.idle_s if has_begun else patience.start_s
    if silent_s < limit_s / 2:
        return 0 if has_begun else 1
    sys.stdout.write(f"no sign of life for {silent_s:.0f} s\n")
    if watched_s and silent_s >= limit_s and servers_answer():
        _end(found, busy_may_go_on=arguments[0] == "pulse" and silent_s < patience.busy_s)
    return 1


def _since_pulse_s() -> float | None:
    """Return for how long the process's pulse has stood beyond what it announced; None before the first beat."""
    last = PulseFile(Path(os.environ[pulse.VARIABLE])).last()
    return None if last is None else max(0.0, time.time() - last.number / 1e9 - last.allowed_s)


def _since_answer_s(url: str) -> float | None:
    """Ask once; return for how long nothing was answered, None when nothing ever was."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", parts.path)
        if connection.getresponse().status == http.HTTPStatus.OK:
            _LAST_ANSWER.touch()
            return 0.0
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"{url} does not answer: {error or type(error).__name__}\n")
    finally:
        connection.close()
    begun_s = max(map(_age_s, _children_of_init()), default=0.0)
    try:
        since_s = max(0.0, time.time() - _LAST_ANSWER.stat().st_mtime)
    except FileNotFoundError:
        return None
    return since_s if since_s <= begun_s else None  # else it was another process's


def _end(process_ids: Sequence[int], *, busy_may_go_on: bool) -> None:
    for process_id in process_ids:
        before = vitals_of(process_id).wanted_s
        if busy_may_go_on and before is not None:
            time.sleep(1.0)
            if (vitals_of(process_id).wanted_s or 0.0) - before >= hanging.BUSY_SHARE:
                continue
        sys.stdout.write(f"process {process_id} hangs and is ended\n")
        os.kill(process_id, signal.SIGKILL)


def _children_of_init() -> list[int]:
    """Return Paddock's processes that the container's init has started; outside of a container there are none."""
    found: list[int] = []
    if Path("/proc/1/comm").read_text().strip() not in _INITS:
        return found
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            is_ours = parent == "1" and _OURS in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if is_ours:
            found.append(int(folder.name))
    return found


def _age_s(process_id: int) -> float:
    """Return for how long a process has run; 0 for one that is gone."""
    try:
        started = int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[19])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return 0.0
    return max(0.0, up_s - started / os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
