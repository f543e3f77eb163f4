"""An hour of random faults of the simulated exchange with every pair, in virtual time: what is right at its end.

Exits with 1 when a book, a trade, a minute or a frame is wrong and nothing is on record about it.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

from benchmarks._reporting import report
from tests.marketdata.soaking import soak

HOUR_S = 3_600.0
SEEDS = (1,)


def main() -> int:
    """Run the hours; return the exit code."""
    began_s, wrong = time.monotonic(), []
    figures: dict[str, float] = {"faults": 0, "sleeps": 0, "minutes": 0, "minutes_on_record": 0, "reconnects": 0}
    for seed in SEEDS:
        soaked = soak(seed, HOUR_S)
        wrong += soaked.wrong
        for name in ("faults", "sleeps", "minutes", "minutes_on_record"):
            figures[name] += getattr(soaked, name)
        figures["reconnects"] += soaked.feed.health.reconnects
    figures |= {"wrong": len(wrong), "took_s": round(time.monotonic() - began_s, 1)}
    report("faults", dict(figures), ("msgspec",))
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
