"""What a worker counts, as Prometheus reads it, and what its warden counts, which may wait for nobody."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from marketdata.telemetry.metrics import counter, gauge, histogram
from strategies.warden.blackbox import BlackBox
from strategies.worker.runner import Runner
from strategies.worker.tally import WorkerTally


class WorkerMetrics:
    """What the metrics of a worker process are made of."""

    def __init__(self, tally: WorkerTally) -> None:
        self.tally = tally
        self.runner: Runner | None = None
        self.behind = 0  # frames, as of a second ago at most

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
        about = "From the end of a frame to the commit of its facts."
        yield histogram("paddock_worker_commit_delay_seconds", about, tally.commit_delays)
        if runner is not None and runner.hosted:
            yield gauge("paddock_worker_behind_frames", "Frames published and not yet worked through.", self.behind)


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
