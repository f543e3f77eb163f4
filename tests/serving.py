"""The web site as a process that can be killed and started again, and a program of a user that follows it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from paddock_client import Message, Paddock, Stream
from tests.processes import ROOT, environment, free_port, wait_until


class Site:
    """Daphne on the test's own database, always at the same address."""

    def __init__(self, log: Path, **environ: str) -> None:
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["-m", "daphne", "-v", "0", "-p", str(self.port), "--application-close-timeout", "2"]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command, "tradingsite.asgi:application"],
                cwd=ROOT,
                env={**environment(), **self._environ},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, "the web site", self.log)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False


class Follower(threading.Thread):
    """A program of a user: its stream, and every message it received."""

    def __init__(self, make: Callable[[], Stream]) -> None:
        super().__init__()
        self.received: list[Message] = []
        self.error: Exception | None = None
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._following: asyncio.Task[None] | None = None
        self.stream: Stream | None = None

    def run(self) -> None:
        self._following = self._loop.create_task(self._follow())
        self._loop.run_until_complete(asyncio.gather(self._following, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def stop(self) -> None:
        if self._following is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._following.cancel)
        self.join(20)

    async def _follow(self) -> None:
        self.stream = self._make()
        try:
            async for message in self.stream:
                self.received.append(message)
        except Exception as error:
            self.error = error
        finally:
            await self.stream.aclose()


@contextmanager
def following(url: str, *channels: str, after: str | None = None) -> Iterator[Follower]:
    """Follow the stream until the block ends; begins once there is a place to go on from."""
    follower = Follower(lambda: Paddock(url).stream(channels, after=after))
    follower.start()
    try:
        wait_until(lambda: follower.error or (follower.stream and follower.stream.cursor), "the stream's greeting")
        yield follower
    finally:
        follower.stop()


def at_the_prompt(*arguments: str, url: str | None) -> subprocess.CompletedProcess[str]:
    """Run the client as a user does: in a process that knows nothing of the server."""
    return subprocess.run(
        [sys.executable, "-m", "paddock_client", *arguments, *(["--url", url] if url else [])],
        cwd=ROOT / "client",
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
