"""What the league page costs with a hundred deployments: its first paint, a hundred sockets, and a fill's way to it.

A real daphne on a real database and stream; this process writes what workers write, and announces it as they do.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks._reporting import report, spread
from tests.services import start_services, stop_services

DEPLOYMENTS, SOCKETS = 100, 100
PAINTS, WINDOW_S, WINDOWS, FILLS = 7, 10.0, 3, 60
MOVING_PER_S = 2  # how often all standings are written
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def make_league() -> list[Any]:
    """Enter the deployments, each with a day of points."""
    from tests.rows import drawn_curve, enter, open_season, run_feed, stand

    run_feed()
    season = open_season()
    rows = [enter(season, f"d{number:03}", strategy="ema_cross") for number in range(DEPLOYMENTS)]
    for number, row in enumerate(rows):
        drawn_curve(row, points=1_440, seed=number)
        stand(row, f"{100 + number / 7:.2f}", fills=number, round_trips=number // 2, wins=number // 5)
    return rows


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def painted(url: str) -> dict[str, Any]:
    """Return how long a browser takes to paint the page, and how much it fetches."""
    from playwright.sync_api import sync_playwright

    from tests.browsing import DESK, LAUNCH

    paints, sizes = [], []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**LAUNCH)
        for _ in range(PAINTS):
            tab = chromium.new_page(viewport=DESK)
            tab.goto(url, wait_until="load")
            tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            paints.append(tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            sizes.append(
                tab.evaluate(
                    "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
                    ".reduce((sum, entry) => sum + entry.transferSize, 0)"
                )
            )
            tab.close()
        chromium.close()
    return {"first_paint_ms": spread(paints, 0), "compressed_kb": spread([size / 1_000 for size in sizes], 1)}


class Awaited:
    """The fill that is waited for, by its reason, and when it was on the page."""

    def __init__(self) -> None:
        self.reason, self.at, self.shown = "", 0.0, asyncio.Event()


async def watched(url: str, pid: int, writer: Writer) -> dict[str, Any]:
    """Return daphne's share of a core with all sockets open, and how long fills take to the page."""
    from websockets.asyncio.client import connect

    address = url.replace("http", "ws") + "/ws/league/"
    sockets = [await connect(address, max_size=None, origin=url) for _ in range(SOCKETS)]
    awaited = Awaited()
    bytes_received = [0]

    async def read(socket: Any, is_first: bool) -> None:
        async for message in socket:
            bytes_received[0] += len(message)
            if is_first and not awaited.shown.is_set() and awaited.reason in message:
                awaited.at = time.perf_counter()
                awaited.shown.set()

    readers = [asyncio.create_task(read(socket, number == 0)) for number, socket in enumerate(sockets)]
    moving = asyncio.create_task(writer.move())
    await asyncio.sleep(3)
    shares, rates = [], []
    for _ in range(WINDOWS):
        began, used, received = time.perf_counter(), cpu_s(pid), bytes_received[0]
        await asyncio.sleep(WINDOW_S)
        took = time.perf_counter() - began
        shares.append((cpu_s(pid) - used) / took)
        rates.append((bytes_received[0] - received) / took / SOCKETS / 1_000)
    delays = []
    for number in range(FILLS):
        awaited.reason = f"the fill number {number:04}"
        awaited.shown.clear()
        committed = await writer.fill(number, awaited.reason)
        await awaited.shown.wait()
        delays.append((awaited.at - committed) * 1_000)
        await asyncio.sleep(random.uniform(0.3, 1.2))
    moving.cancel()
    for task in readers:
        task.cancel()
    await asyncio.gather(*(socket.close() for socket in sockets))
    delays.sort()
    return {
        "daphne_share": spread(shares, 3),
        "kb_per_s_and_socket": spread(rates, 1),
        "fill_to_row_p50_ms": round(statistics.median(delays), 1),
        "fill_to_row_p99_ms": round(delays[min(len(delays) - 1, int(len(delays) * 0.99))], 1),
    }


class Writer:
    """Writes what workers write, and announces it as they do."""

    def __init__(self, rows: list[Any]) -> None:
        from portfolios.outbox.announcements import Announcer

        self._rows, self._announcer, self._random = rows, Announcer(), random.Random(7)

    async def move(self) -> None:
        """Move every standing, again and again."""
        from asgiref.sync import sync_to_async

        while True:
            await sync_to_async(self._move)()
            self._announcer.announce(row.slug for row in self._rows)
            await asyncio.sleep(1 / MOVING_PER_S)

    def _move(self) -> None:
        from portfolios.models import Standing

        standings = list(Standing.objects.filter(account__in=[row.account_id for row in self._rows]))
        for standing in standings:
            standing.equity += self._random.randint(-30, 30) / type(standing.equity)(100)
        Standing.objects.bulk_update(standings, ["equity"])

    async def fill(self, number: int, reason: str) -> float:
        """Write a fill and announce it; return when it was committed."""
        from asgiref.sync import sync_to_async

        from tests.rows import NOON, fill

        row = self._random.choice(self._rows)
        await sync_to_async(fill)(row, number, reason=reason, time=NOON + timedelta(seconds=number))
        committed = time.perf_counter()
        self._announcer.announce([row.slug])
        return committed


def main() -> None:
    """Measure and report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    start_services()
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        rows = make_league()
        from tests.browsing import serve, stop
        from tests.processes import free_port

        port = free_port()
        web = serve(port)
        try:
            page = painted(f"http://127.0.0.1:{port}/")
            live = asyncio.run(watched(f"http://127.0.0.1:{port}", web.pid, Writer(rows)))
        finally:
            stop(web)
        figures = {"deployments": DEPLOYMENTS, "sockets": SOCKETS, **page, **live}
        report("page", figures, ("django", "channels", "daphne"))
    finally:
        stop_services()


if __name__ == "__main__":
    main()
