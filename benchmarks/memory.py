"""Whether memory stays bounded: every process's resident memory, minute by minute, with all of them at work.

The simulated exchange is a process of its own, so that what the feed holds is the feed's. Beside it run the feed, which
records, two workers with the default league, the web site with readers who come and go, and the jobs.

- ``<process>_mb``: resident memory at the end of the first quarter, at the end, and the most in between. Before that,
  tapes, candles and caches fill up to their bounds.
- ``<process>_mb_an_hour``: the slope of a straight line through the minutes after the first quarter.

``--minutes=60`` unless another number is given; under forty it says little.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._reporting import report
from tests.processes import free_port, running, wait_until
from tests.services import start_services, stop_services

MINUTES = 60
SOCKETS = 10
PAGES = ("/", "/system/", "/feed/", "/markets/", "/api/v1/league/", "/api/v1/fills/", "/api/v1/orders/", "/readyz")
LEAGUE = Path(__file__).resolve().parent.parent / "leagues" / "default.toml"
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and of all that came from it; what they share counts once for each."""
    own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 2**20
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(resident_mb(int(child)) for child in children)


@contextmanager
def exchange(seed: int = 7) -> Iterator[tuple[str, str]]:
    """Serve the simulated market from a process of its own; yield its addresses."""
    ports = free_port(), free_port()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(_serve(seed, *ports))
        finally:
            os._exit(1)
    try:
        yield f"ws://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


async def _serve(seed: int, socket_port: int, rest_port: int) -> None:
    from marketdata.simulation.rest_server import serve_rest
    from marketdata.simulation.server import serve_simulation

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_simulation(seed, port=socket_port))
        await stack.enter_async_context(serve_rest(seed, port=rest_port))
        await asyncio.Event().wait()


class Readers:
    """Browsers that open live pages, stay a while and leave, and programs that ask for pages and rows."""

    def __init__(self, url: str, slugs: list[str]) -> None:
        self._url = url
        self._live = ["/ws/league/"] * 4 + ["/ws/system/", "/ws/feed/", "/ws/markets/"]
        self._live += [f"/ws/deployments/{slug}/" for slug in slugs]
        self._pages = [*PAGES, *(f"/deployments/{slug}/" for slug in slugs)]
        self.refused = 0

    def start(self) -> None:
        """Read until the process ends."""
        threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True).start()
        threading.Thread(target=self._ask, daemon=True).start()

    async def _watch(self) -> None:
        await asyncio.gather(*(self._come_and_go() for _ in range(SOCKETS)))

    async def _come_and_go(self) -> None:
        from websockets.asyncio.client import connect

        while True:
            address = self._url.replace("http", "ws") + random.choice(self._live)
            try:
                async with connect(address, max_size=None, origin=self._url) as socket, asyncio.timeout(30):
                    async for _ in socket:
                        pass
            except TimeoutError:
                continue
            except Exception:
                self.refused += 1
                await asyncio.sleep(1)

    def _ask(self) -> None:
        import httpx

        with httpx.Client(timeout=30) as client:
            while True:
                try:
                    client.get(self._url + random.choice(self._pages))
                except httpx.TransportError:
                    self.refused += 1
                time.sleep(0.5)


def measured(minutes: int, log: Path) -> dict[str, Any]:
    """Run everything for ``minutes``; return each process's memory and growth."""
    with ExitStack() as stack:
        os.environ["KRAKEN_WS_URL"], os.environ["KRAKEN_REST_URL"] = stack.enter_context(exchange())
        os.environ["MALLOC_ARENA_MAX"] = "2"  # as the launcher and the image have it
        port = free_port()
        web = ("-m", "daphne", "-v", "0", "-p", str(port), "tradingsite.asgi:application")
        jobs = ("-m", "celery", "-A", "tradingsite", "worker", "--beat", "--pool", "solo", "--loglevel", "WARNING")
        schedule = ("--schedule", str(log.parent / "beat"))
        processes = {
            "feed": stack.enter_context(running("manage.py", "run_feed", "--source", "kraken", log=log)),
            "worker_1": stack.enter_context(running("manage.py", "run_worker", log=log)),
            "worker_2": stack.enter_context(running("manage.py", "run_worker", log=log)),
            "jobs": stack.enter_context(running(*jobs, *schedule, log=log)),
        }
        os.environ["PADDOCK_DATABASE_POOL"] = "8"
        processes["web"] = stack.enter_context(running(*web, log=log))
        del os.environ["PADDOCK_DATABASE_POOL"]
        from strategies.models import Deployment, Worker

        wait_until(lambda: sum(Worker.objects.values_list("deployments", flat=True)), "deployments are worked", log)
        readers = Readers(f"http://127.0.0.1:{port}", list(Deployment.objects.values_list("slug", flat=True)))
        readers.start()
        samples: defaultdict[str, list[float]] = defaultdict(list)
        for minute in range(minutes + 1):
            for name, process in processes.items():
                samples[name].append(resident_mb(process.pid))
            if "--json" not in sys.argv:
                print(minute, {name: round(values[-1], 1) for name, values in samples.items()}, flush=True)
            time.sleep(60)
    return {key: value for name, values in samples.items() for key, value in _figures(name, values).items()}


def _figures(name: str, samples: list[float]) -> dict[str, Any]:
    settled = samples[len(samples) // 4 :]
    slope = float(np.polyfit(range(len(settled)), settled, 1)[0]) if len(settled) > 1 else 0.0
    levels = {"settled": round(settled[0], 1), "end": round(settled[-1], 1), "most": round(max(settled), 1)}
    return {f"{name}_mb": levels, f"{name}_mb_an_hour": round(slope * 60, 1)}


def main() -> None:
    """Measure and report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    given = [word.partition("=")[2] for word in sys.argv if word.startswith("--minutes=")]
    minutes = int(given[0]) if given else MINUTES
    start_services()
    try:
        import django

        django.setup()
        from django.core.management import call_command

        from strategies.league.files import load_league, read_league

        call_command("migrate", verbosity=0)
        load_league(read_league(LEAGUE), by="benchmark")
        with tempfile.TemporaryDirectory() as folder:
            figures = measured(minutes, Path(folder) / "log")
        report("memory", {"minutes": minutes, **figures}, ("django", "daphne", "websockets", "zstandard"))
    finally:
        stop_services()


if __name__ == "__main__":
    main()
