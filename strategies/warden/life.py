"""A worker's life, as the worker itself and the warden that watches it know it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from strategies.transitions import refusal


class WorkerState(StrEnum):
    """Where a worker process is in its life."""

    STARTING = "starting"  # holds no lease yet
    RUNNING = "running"
    STOPPING = "stopping"  # finishes the frame at hand and commits
    LEFT = "left"  # all is written, every lease is given back
    LOST = "lost"  # died or was killed: its leases are free, and its checkpoints are what is left of it


WORKER_TRANSITIONS: Mapping[WorkerState, frozenset[WorkerState]] = {
    WorkerState.STARTING: frozenset({WorkerState.RUNNING, WorkerState.STOPPING, WorkerState.LOST}),
    WorkerState.RUNNING: frozenset({WorkerState.STOPPING, WorkerState.LOST}),
    WorkerState.STOPPING: frozenset({WorkerState.LEFT, WorkerState.LOST}),
    WorkerState.LEFT: frozenset(),
    WorkerState.LOST: frozenset(),
}


class IllegalTransition(Exception):
    """A change of state that the table does not know: an error of ours."""


class WorkerLife:
    """One worker's state; every change of it is checked against the table."""

    def __init__(self) -> None:
        self.state = WorkerState.STARTING

    def become(self, state: WorkerState) -> None:
        """Change the state.

        Raises:
            IllegalTransition: ``state`` does not follow the present one.
        """
        if sentence := refusal(WORKER_TRANSITIONS, "worker", self.state, state):
            raise IllegalTransition(sentence)
        self.state = state

    def begin(self) -> None:
        """Run, unless it was stopped before it could."""
        if self.state is not WorkerState.STOPPING:
            self.become(WorkerState.RUNNING)

    def stop(self) -> None:
        """Stop, if it has not stopped yet: a signal may come twice, and late."""
        if WorkerState.STOPPING in WORKER_TRANSITIONS[self.state]:
            self.become(WorkerState.STOPPING)

    def end(self, *, is_whole: bool) -> None:
        """Note that the process ended: on purpose with all written, or not."""
        if is_whole:
            self.stop()
        self.become(WorkerState.LEFT if is_whole else WorkerState.LOST)

    @property
    def is_running(self) -> bool:
        """True while it is to work frames through."""
        return self.state is WorkerState.RUNNING

    @property
    def is_stopping(self) -> bool:
        """True once it was stopped and has not ended."""
        return self.state is WorkerState.STOPPING
