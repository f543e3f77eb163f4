"""How many deployments two workers hold at 100 ms a frame, with feed, stream and database on the same machine.

The deployments are those of the default league that think, over and over under other names. Everything runs on this
machine: the simulated market's feed, two workers, PostgreSQL and Valkey.

- ``deployments_held``: the largest number tried that was *held beside other load*, which is one process that does
  nothing but compute (``--burners=N``: so many). Held means, over all windows of a minute: no worker was ever more than
  two seconds behind the newest frame at its heartbeat, and none left anything undone to get there (no shadow, no equity
  point, no evaluation: `strategies/worker/shedding.py`). Where 1,000 are held more are tried, else fewer.
- ``frame_to_commit_p99_ms``: at that number and beside that load, the time from the end of a frame, by this machine's
  clock, to the end of the commit that holds its facts; every frame of every worker counts once. Read from the workers'
  own histograms and so good to 50 ms. The 99th percentile of all windows together; below it that of each window.
- ``calm_…``: the same number without the other load.
- ``share_of_a_core``: of each worker and its supervisor, beside the load. ``taken_on_s``: from the start of the workers
  until they hold all.

Whatever else runs on the machine is measured with it: ``load_average`` says what that was at the end.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._reporting import report, spread
from tests.processes import running, wait_until
from tests.services import start_services, stop_services

FIRST, MORE, FEWER = 1_000, (1_500, 2_000), (750, 500, 250)
WORKERS, BURNERS = 2, 1
WINDOWS, WINDOW_S, SETTLES_S = 6, 10.0, 20.0
BEHIND_MS = 2_000
LEAGUE = Path(__file__).resolve().parent.parent / "leagues" / "default.toml"
CONTROLS = {"buy_and_hold", "random_trader"}  # they hardly think
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_DELAYS = "paddock_worker_commit_delay_seconds_bucket"

Delays = Counter[float]  # upper bound in seconds -> frames committed within it


class Held(NamedTuple):
    """How some windows went."""

    lags_ms: list[int]  # the worst of each second
    sheds: set[int]
    p99s_ms: list[float]  # of each window
    p99_ms: float  # of all of them
    shares: list[float]  # of a core, each worker's

    @property
    def is_held(self) -> bool:
        return max(self.lags_ms) <= BEHIND_MS and self.sheds == {0}


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


@contextmanager
def burning(count: int) -> Iterator[None]:
    """Have ``count`` processes compute, until the block ends."""
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(count)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


def _burn() -> None:
    while True:
        sum(range(100_000))


def delays() -> Delays:
    """Return how many frames were committed within which time, of all workers since they started."""
    from marketdata.telemetry.reporting import living_reports

    found: Delays = Counter()
    for each in living_reports():
        for sample in (sample for family in each.families for sample in family.samples if sample.name == _DELAYS):
            found[float(sample.labels["le"])] += int(sample.value)
    return found


def percentile_ms(counted: Delays, share: float = 0.99) -> float:
    """Return the upper bound within which ``share`` of the frames were committed, drawn straight between two bounds."""
    bounds = sorted(counted)
    wanted, below, since = counted[bounds[-1]] * share, 0, 0.0
    for bound in bounds:
        if counted[bound] >= wanted and counted[bound] > below:
            until = bound if bound != float("inf") else 2 * since
            return 1_000 * (since + (until - since) * (wanted - below) / (counted[bound] - below))
        below, since = counted[bound], bound
    return 0.0


def windows(pids: list[int]) -> Held:
    """Watch the workers for all windows."""
    from marketdata.telemetry.reporting import REPORT_EVERY_S
    from strategies.models import Worker

    time.sleep(SETTLES_S)
    lags, sheds, p99s = [], set(), []
    groups = [children(pid) for pid in pids]
    first, used, began = delays(), [cpu_s(group) for group in groups], time.monotonic()
    before = first
    for _ in range(WINDOWS):
        end = time.monotonic() + max(WINDOW_S, 2 * REPORT_EVERY_S)
        while time.monotonic() < end:
            rows = list(Worker.objects.values_list("lag_ms", "shed"))
            lags.append(max(lag for lag, _ in rows))
            sheds |= {shed for _, shed in rows}
            time.sleep(1)
        now = delays()
        p99s.append(percentile_ms(now - before))
        before = now
    took_s = time.monotonic() - began
    shares = [(cpu_s(group) - share) / took_s for group, share in zip(groups, used, strict=True)]
    return Held(lags, sheds, p99s, percentile_ms(before - first), shares)


def tried(count: int, burners: int, log: Path) -> tuple[Held, Held, float]:
    """Enter deployments up to ``count`` and run two workers: beside other load, and calm; and how long they took."""
    from strategies.deployments.services import create_deployment
    from strategies.models import Deployment, Worker

    for entry in islice(entries(), Deployment.objects.count(), count):
        create_deployment(by="benchmark", **entry)
    surplus = [f"d{number:04}" for number in range(count, Deployment.objects.count())]
    Deployment.objects.filter(slug__in=surplus).update(status="disabled")
    with ExitStack() as stack:
        began = time.monotonic()
        pids = [stack.enter_context(running("manage.py", "run_worker", log=log)).pid for _ in range(WORKERS)]

        def shares() -> list[int]:
            return sorted(Worker.objects.values_list("deployments", flat=True))

        wait_until(lambda: len(shares()) == WORKERS and sum(shares()) == count, "all are taken on", log)
        taken_on_s = time.monotonic() - began
        with burning(burners):
            loaded = windows(pids)
        calm = windows(pids)
    return loaded, calm, taken_on_s


def measured(burners: int, log: Path) -> dict[str, Any]:
    """Run the feed, and workers with as many deployments as they hold; return the figures."""
    from marketdata import bus

    with running("manage.py", "run_feed", "--source", "simulated", log=log):
        wait_until(bus.current_market, "the feed publishes", log)
        wait_until(lambda: bus.latest_sequence(bus.current_market() or ""), "frames come", log)
        best = FIRST, *tried(FIRST, burners, log)
        for count in MORE if best[1].is_held else FEWER:
            found = count, *tried(count, burners, log)
            is_better = found[1].is_held if count > FIRST else True
            best = found if is_better else best
            if found[1].is_held != (count > FIRST):
                break
    count, loaded, calm, taken_on_s = best
    return {
        "deployments_held": count if loaded.is_held else 0,
        "frame_to_commit_p99_ms": round(loaded.p99_ms),
        "frame_to_commit_p99_ms_by_window": spread(loaded.p99s_ms, 0),
        "lag_ms": spread([float(lag) for lag in loaded.lags_ms], 0),
        "share_of_a_core": spread(loaded.shares, 3),
        "calm_frame_to_commit_p99_ms": round(calm.p99_ms),
        "calm_frame_to_commit_p99_ms_by_window": spread(calm.p99s_ms, 0),
        "calm_lag_ms": spread([float(lag) for lag in calm.lags_ms], 0),
        "calm_share_of_a_core": spread(calm.shares, 3),
        "taken_on_s": round(taken_on_s, 1),
        "workers": WORKERS,
        "burners": burners,
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    given = [word.partition("=")[2] for word in sys.argv if word.startswith("--burners=")]
    start_services()
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        with tempfile.TemporaryDirectory() as folder:
            figures = measured(int(given[0]) if given else BURNERS, Path(folder) / "log")
        report("worker", figures, ("django", "psycopg", "numpy"))
    finally:
        stop_services()


if __name__ == "__main__":
    main()
