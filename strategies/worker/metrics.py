"""What a worker counts, as Prometheus reads it; it speaks for its warden, too, which may wait for nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import Metric

from marketdata import bus
from marketdata.telemetry.metrics import Histogram, counter, gauge, histogram
from trading.engine.outcome import Outcome
from trading.orders import OrderStatus

if TYPE_CHECKING:
    from strategies.warden.blackbox import BlackBox
    from strategies.worker.runner import Runner

# One evaluation takes microseconds; the budget is a second.
EVALUATION_SECONDS = (*(1e-6 * n for n in (2, 5, 10, 20, 50, 100, 200, 500)), 0.001, 0.002, 0.005, 0.01, 0.1, 1.0, 5.0)
STRATEGIES_TOLD = 50  # the others are told together
OTHERS = "others"


class WorkerTally:
    """What a worker's loop adds up."""

    def __init__(self) -> None:
        self.frames = 0
        self.evaluations = 0
        self.frame_seconds = Histogram()
        self.measured: dict[tuple[str, ...], Histogram] = {}  # by strategy
        self.write_seconds = Histogram()
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
        name = strategy if len(self.measured) < STRATEGIES_TOLD else OTHERS
        return self.measured.setdefault((name,), Histogram(EVALUATION_SECONDS))

    def note_written(self, outcomes: Iterable[Outcome], took_s: float) -> None:
        """Take in what was committed."""
        self.write_seconds.observe(took_s)
        for outcome in outcomes:
            self.fills += len(outcome.fills)
            for order in outcome.orders.values():
                self.orders += order.created_sequence == outcome.sequence
                if order.status is OrderStatus.REFUSED and order.refusal is not None:
                    self.refusals[(order.refusal.code,)] += 1


class WorkerMetrics:
    """What the metrics of a worker process are made of."""

    def __init__(self, tally: WorkerTally) -> None:
        self.tally = tally
        self.runner: Runner | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        tally, runner = self.tally, self.runner
        yield counter("paddock_worker_frames", "Frames worked through.", tally.frames)
        yield counter("paddock_worker_evaluations", "Frames shown to deployments.", tally.evaluations)
        yield histogram("paddock_worker_frame_seconds", "How long a frame took, all deployments.", tally.frame_seconds)
        about = "How long a frame took one deployment; measured at every eighth frame."
        measured = dict(tally.measured)
        yield histogram("paddock_worker_evaluation_seconds", about, measured, ["strategy"])
        yield histogram("paddock_worker_write_seconds", "How long a commit of facts took.", tally.write_seconds)
        yield counter("paddock_worker_fills", "Fills committed.", tally.fills)
        yield counter("paddock_worker_orders", "Orders that came to be, refused ones included.", tally.orders)
        yield counter("paddock_worker_refusals", "Orders refused, by reason.", tally.refusals, ["code"])
        about = "Deployments that the worker itself quarantined."
        yield counter("paddock_worker_quarantines", about, tally.quarantines)
        yield gauge("paddock_worker_deployments", "Deployments hosted.", len(runner.hosted) if runner else 0)
        if runner is not None and runner.hosted:
            behind = bus.latest_sequence(runner.market_name) - runner.sequence
            yield gauge("paddock_worker_behind_frames", "Frames published and not yet worked through.", max(0, behind))


class WardenMetrics:
    """What a warden counts, as its worker reads it from the page that they share."""

    def __init__(self, box: BlackBox) -> None:
        self._box = box

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        record = self._box.record
        yield counter("paddock_warden_lives", "Workers started.", record.lives)
        yield counter("paddock_warden_interruptions", "Evaluations interrupted.", record.interruptions)
        yield counter("paddock_warden_quarantines", "Deployments that the warden quarantined.", record.quarantines)
