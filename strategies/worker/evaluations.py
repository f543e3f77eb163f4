"""A worker's evaluations: in the black box while they run, measured, and interrupted when they take too long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns, sleep

from strategies.warden.blackbox import BlackBox, Sighting
from strategies.warden.procfs import MemoryGauge
from strategies.worker.costs import Meter
from strategies.worker.hosting import Hosted
from strategies.worker.tally import WorkerTally
from trading.engine import Engine
from trading.engine.outcome import Outcome
from trading.engine.strategy_errors import Interrupted
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot

MEASURED_EVERY_FRAMES = 8
MEASURED_AT_FIRST_NS = 60 * 10**9  # every frame: what ended the last worker may come again, and must be found out
_GROWTH_BYTES = 2**20  # in one frame: then the next one is measured, too, to learn whose it is


class Evaluations:
    """Shows frames to engines, one at a time, and writes into the black box whose turn it is."""

    def __init__(self, box: BlackBox | None = None, budget_s: float = 1.0, memory_bytes: int | None = None) -> None:
        self.tally = WorkerTally()
        self._box = box or BlackBox()
        self._budget_s = budget_s
        self._memory_bytes = memory_bytes  # of the whole worker; None: nobody would end it
        self._calm_ns = perf_counter_ns() + MEASURED_AT_FIRST_NS
        self._gauge = MemoryGauge()
        self._memory = self._gauge.read()
        self._is_growing = self._is_measuring = False
        self._hosted: Hosted | None = None
        self._engine: Engine | None = None
        self._interrupted: Sighting | None = None
        self._most_grown = 0
        self._sequence = self._began_ns = 0  # of the frame at hand

    @property
    def box(self) -> BlackBox:
        """What the warden sees."""
        return self._box

    def whereabouts(self) -> dict[str, object]:
        """Return the deployment and the frame at hand, for a line that is logged now."""
        hosted = self._hosted
        frame: dict[str, object] = {"frame": self._sequence} if self._sequence else {}
        return frame if hosted is None else {"deployment": hosted.engine.terms.slug, **frame}

    def speaker(self) -> Meter | None:
        """Return the meter of the deployment whose own code runs now; None: ours does."""
        engine, hosted = self._engine, self._hosted
        return hosted.meter if hosted is not None and engine is not None and engine.is_evaluating else None

    def begin(self, sequence: int) -> None:
        """Begin a frame."""
        self._box.begin(sequence)
        self._sequence = sequence
        self._is_measuring = (
            self._is_growing or sequence % MEASURED_EVERY_FRAMES == 0 or perf_counter_ns() < self._calm_ns
        )
        self._began_ns = perf_counter_ns()

    def process(self, hosted: Hosted, engine: Engine, frame: Frame, snapshot: MarketSnapshot) -> Outcome:
        """Show the frame to one of the deployment's engines."""
        self._hosted, self._engine = hosted, engine
        self._box.enter(hosted.deployment_id)
        if not self._is_measuring:
            return engine.process(frame, snapshot)
        memory, began_ns = self._gauge.read(), perf_counter_ns()
        outcome = engine.process(frame, snapshot)
        ended_ns = perf_counter_ns()
        hosted.meter.note(ended_ns, ended_ns - began_ns, self._gauge.read() - memory)
        self.tally.note_evaluation(engine.strategy.name, (ended_ns - began_ns) / 1e9)
        if hosted.meter.grown_bytes > self._most_grown:
            self._most_grown = hosted.meter.grown_bytes
            self._box.note_greedy(hosted.deployment_id, self._most_grown)
        return outcome

    def end(self, evaluations: int = 0) -> None:
        """End the frame, which was shown to so many deployments."""
        self._box.leave()
        self._hosted = self._engine = None
        self.tally.note_frame(evaluations, (perf_counter_ns() - self._began_ns) / 1e9)
        memory = self._gauge.read()
        self._is_growing, self._memory = memory - self._memory >= _GROWTH_BYTES, memory
        if self._memory_bytes is not None and memory > self._memory_bytes:
            self._wait_for_the_end()

    def _wait_for_the_end(self) -> None:
        """Never return: once memory is short, an allocation may have failed in another deployment's evaluation, too."""
        self._box.request_end()
        while True:
            sleep(1)

    @contextmanager
    def blaming(self, deployment_id: int) -> Iterator[None]:
        """Name who is to blame if what is done now, between two frames, does not return."""
        self._box.enter(deployment_id)
        try:
            yield
        finally:
            self._box.leave()

    def interrupt(self, *_: object) -> None:
        """Handle the warden's signal: end the strategy's call, if it is the one to be interrupted and still runs.

        Raises:
            Interrupted: into the strategy's code, never into ours: an account is not left half changed.
        """
        hosted, engine = self._hosted, self._engine
        if hosted is None or engine is None or not engine.is_evaluating or not self._box.is_interrupt_requested:
            return
        sighting = self._box.sighting
        if sighting != self._interrupted:
            self._interrupted = sighting
            hosted.meter.interruptions += 1
        raise Interrupted(f"took longer than {self._budget_s * 1_000:.0f} ms")
