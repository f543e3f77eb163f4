"""Evaluations counted by strategy, with what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from marketdata.telemetry.metrics import Histogram
from trading.engine.outcome import Outcome
from trading.frames import FRAME_INTERVAL_MS
from trading.orders import OrderStatus

# One evaluation takes microseconds; the budget is a second.
EVALUATION_SECONDS = (*(1e-6 * n for n in (2, 5, 10, 20, 50, 100, 200, 500)), 0.001, 0.002, 0.005, 0.01, 0.1, 1.0, 5.0)
# From the end of a frame to the commit of its facts: a second is the most it should be.
COMMIT_SECONDS = (*(0.05 * n for n in range(1, 21)), 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
MOST_STRATEGIES = 50  # the others are counted together
OTHERS = "others"


class WorkerTally:
    """What a worker's loop adds up."""

    def __init__(self) -> None:
        self.frames = 0
        self.evaluations = 0
        self.frame_seconds = Histogram()
        self.measured: dict[tuple[str, ...], Histogram] = {}  # by strategy
        self.write_seconds = Histogram()
        self.commit_delays = Histogram(COMMIT_SECONDS)
        self.fills = 0
        self.orders = 0
        self.refusals: Counter[tuple[str, ...]] = Counter()  # by code
        self.quarantines = 0

    def note_frame(self, evaluations: int, took_s: float) -> None:
        """Take in a frame that was worked through."""
        self.frames += 1
        self.evaluations += evaluations
        self.frame_seconds.observe(took_s)

    def note_evaluation(self, strategy: str, took_s: float) -> None:
        """Take in one measured evaluation."""
        known = self.measured.get((strategy,)) or self._of(strategy)
        known.observe(took_s)

    def _of(self, strategy: str) -> Histogram:
        name = strategy if len(self.measured) < MOST_STRATEGIES else OTHERS
        return self.measured.setdefault((name,), Histogram(EVALUATION_SECONDS))

    def note_committed(self, sequences: Iterable[int], now_s: float) -> None:
        """Take in that the facts of these frames are committed; a frame ends when its sequence says."""
        for sequence in sequences:
            self.commit_delays.observe(max(0.0, now_s - sequence * FRAME_INTERVAL_MS / 1_000))

    def note_written(self, outcomes: Iterable[Outcome], took_s: float) -> None:
        """Take in what was committed."""
        self.write_seconds.observe(took_s)
        for outcome in outcomes:
            self.fills += len(outcome.fills)
            for order in outcome.orders.values():
                self.orders += order.created_sequence == outcome.sequence
                if order.status is OrderStatus.REFUSED and order.refusal is not None:
                    self.refusals[(order.refusal.code,)] += 1
