"""What the launcher takes for a sign of life of a process: its pulse, or answers to requests."""

import http.client
import threading
from pathlib import Path
from typing import Protocol

from marketdata.telemetry.pulse import Beat, PulseFile

ASK_EVERY_S = 2.0
# Longer than a busy site takes for its answer, and shorter than its users' patience.
ANSWER_WITHIN_S = 25.0


class Pulse(Protocol):
    """Where a process's signs of life are seen."""

    def begin(self) -> None:
        """Forget the process before."""

    def last(self) -> Beat | None:
        """Return the last sign of life, None before the first."""


def pulse_file(folder: Path, name: str) -> PulseFile:
    """Return the pulse of the process called ``name``."""
    return PulseFile(folder / "pulse" / name)


class Answers:
    """A web site that answers 200: each answer is a sign of life. It is asked by a thread that ends with ours."""

    def __init__(self, port: int, path: str = "/healthz") -> None:
        self._port, self._path = port, path
        self._answers = 0
        self._forgotten = 0
        self._pause = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Forget the answers of the process before."""
        self._forgotten = self._answers
        if self._thread is None:
            self._thread = threading.Thread(target=self._ask, name="web health", daemon=True)
            self._thread.start()

    def last(self) -> Beat | None:
        """Return the last answer, None before the first."""
        return Beat(self._answers, 0.0) if self._answers > self._forgotten else None

    def _ask(self) -> None:
        while True:
            self._answers += self._is_answered()
            self._pause.wait(ASK_EVERY_S)

    def _is_answered(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_WITHIN_S)
        try:
            connection.request("GET", self._path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
