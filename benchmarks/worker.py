"""What a thousand deployments cost a real worker: its processes, the database and the stream included."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks._reporting import report, spread
from tests.processes import running, wait_until
from tests.services import start_services, stop_services

DEPLOYMENTS = 1_000
WINDOWS, WINDOW_S = 6, 10.0
LEAGUE = Path(__file__).resolve().parent.parent / "leagues" / "default.toml"
CONTROLS = {"buy_and_hold", "random_trader"}  # they hardly think
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def entries() -> Iterator[dict[str, Any]]:
    """Yield the deployments of the default league that think, over and over, under other names."""
    import tomllib

    thinking = [e for e in tomllib.loads(LEAGUE.read_text())["deployments"] if e["strategy"] not in CONTROLS]
    for number, entry in enumerate(cycle(thinking)):
        yield {**entry, "slug": f"d{number:04}", "name": f"{entry['name']} {number}"}


def cpu_s(pids: list[int]) -> float:
    """Return the processor time that processes have had."""
    return sum(_ticks(pid) for pid in pids) / TICKS_PER_S


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def children(pid: int) -> list[int]:
    """Return a process and all that came from it."""
    found = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(each for child in found for each in children(child))]


def measured(log: Path) -> dict[str, dict[str, float] | float]:
    """Run the feed and one worker; return what the worker cost once it had taken all on."""
    from marketdata import bus
    from strategies.models import Worker

    def hosted() -> int:
        return Worker.objects.values_list("deployments", flat=True).first() or 0

    with ExitStack() as stack:
        stack.enter_context(running("manage.py", "run_feed", "--source", "simulated", log=log))
        wait_until(bus.current_market, "the feed publishes", log)
        wait_until(lambda: bus.latest_sequence(bus.current_market() or ""), "frames come", log)
        began = time.monotonic()
        worker = stack.enter_context(running("manage.py", "run_worker", log=log))
        wait_until(lambda: hosted() >= DEPLOYMENTS, "the worker has taken all on", log)
        taken_on_s = time.monotonic() - began
        time.sleep(WINDOW_S)  # warm-up is not what is measured
        shares, behind = [], []
        for _ in range(WINDOWS):
            pids = children(worker.pid)
            before, since = cpu_s(pids), time.monotonic()
            time.sleep(WINDOW_S)
            shares.append((cpu_s(pids) - before) / (time.monotonic() - since))
            row = Worker.objects.get()
            behind.append(bus.latest_sequence(bus.current_market() or "") - row.sequence)
    return {
        "deployments": DEPLOYMENTS,
        "taken_on_s": round(taken_on_s, 1),
        "share_of_a_core": spread(shares, 3),
        "deployments_per_core": spread([DEPLOYMENTS / share for share in shares], 0),
        "frames_behind": spread([float(frames) for frames in behind], 0),  # its row is a second old
    }


def main() -> None:
    """Measure and report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    start_services()
    try:
        import django

        django.setup()
        from django.core.management import call_command

        from strategies.deployments.services import create_deployment

        call_command("migrate", verbosity=0)
        for entry in islice(entries(), DEPLOYMENTS):
            create_deployment(by="benchmark", **entry)
        with tempfile.TemporaryDirectory() as folder:
            report("worker", measured(Path(folder) / "log"), ("django", "psycopg", "numpy"))
    finally:
        stop_services()


if __name__ == "__main__":
    main()
