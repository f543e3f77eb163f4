"""Which workers are behind the market, by how much, and what they leave undone: for readiness and the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from strategies.deployments.selectors import HEARTBEAT_FRESH_S
from strategies.models import Worker
from strategies.worker import leases
from strategies.worker.shedding import Shed

WORTH_SAYING_S = 2.0


class Lag(NamedTuple):
    """How far a worker is behind, and what it leaves undone not to be."""

    worker: str
    lag_s: float  # behind the newest frame
    shed: Shed

    @property
    def is_worth_saying(self) -> bool:
        """True when a reader should know."""
        return self.lag_s >= WORTH_SAYING_S or bool(self.shed)

    @property
    def sentence(self) -> str:
        """In words: by how much, and what is left undone."""
        words = f"{self.worker} is {self.lag_s:.1f} s behind the market"
        return f"{words}: {self.shed.words}" if self.shed else words


def living_workers() -> list[Lag]:
    """Return how far each living worker is, the furthest behind first."""
    since = timezone.now() - timedelta(seconds=HEARTBEAT_FRESH_S)
    return sorted(map(_lag, Worker.objects.filter(heartbeat_at__gt=since)), key=lambda lag: -lag.lag_s)


def lag_of(deployment_id: int) -> Lag | None:
    """Return the lag of the worker that holds a deployment; None while it is not worth saying."""
    holder = leases.holder_of(deployment_id)
    row = None if holder is None else Worker.objects.filter(pk=holder).first()
    lag = None if row is None else _lag(row)
    return lag if lag is not None and lag.is_worth_saying else None


def _lag(row: Worker) -> Lag:
    return Lag(row.name, row.lag_ms / 1_000, Shed(min(row.shed, max(Shed))))
