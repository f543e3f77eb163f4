"""What a deployment costs its worker: time, memory, errors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils import timezone

from portfolios.rows.bulk import upsert
from strategies.models import DeploymentCost
from trading.candles import MINUTE_NS

WINDOW_MINUTES = 5
LINES = "log_lines"


@dataclass(slots=True)
class _Minute:
    number: int
    evaluations: int = 0
    total_ns: int = 0
    worst_ns: int = 0


@dataclass(slots=True)
class Meter:
    """The cost of one deployment on this worker; times are those of the last five minutes."""

    grown_bytes: int = 0  # of the worker's memory, in this deployment's evaluations
    errors: int = 0
    interruptions: int = 0
    state_bytes: int = 0
    surplus: dict[str, int] = field(default_factory=dict)  # what went beyond the bounds -> how often
    spoke_in: int = 0  # the minute in which it printed or logged last
    lines: int = 0  # in that minute
    characters: int = 0
    lines_left_out: int = 0
    _minutes: deque[_Minute] = field(default_factory=lambda: deque(maxlen=WINDOW_MINUTES))

    def note(self, at_ns: int, took_ns: int, grew_bytes: int) -> None:
        """Take in one measured evaluation."""
        number = at_ns // MINUTE_NS
        if not self._minutes or self._minutes[-1].number != number:
            self._minutes.append(_Minute(number))
        minute = self._minutes[-1]
        minute.evaluations += 1
        minute.total_ns += took_ns
        minute.worst_ns = max(minute.worst_ns, took_ns)
        self.grown_bytes = max(0, self.grown_bytes + grew_bytes)

    @property
    def evaluations(self) -> int:
        """How many were measured."""
        return sum(minute.evaluations for minute in self._minutes)

    @property
    def mean_us(self) -> int | None:
        """Microseconds that one took, None before the first."""
        count = self.evaluations
        return round(sum(minute.total_ns for minute in self._minutes) / count / 1_000) if count else None

    @property
    def worst_us(self) -> int | None:
        """Microseconds that the longest took, None before the first."""
        return max((minute.worst_ns // 1_000 for minute in self._minutes), default=None)

    @property
    def left_out(self) -> dict[str, int]:
        """What the deployment emitted beyond the bounds, by kind, and how often."""
        counts = {**self.surplus, LINES: self.lines_left_out}
        return {what: count for what, count in counts.items() if count}


def resumed_meters(deployment_ids: Iterable[int]) -> dict[int, Meter]:
    """Return meters that count errors on from where the last worker's stood; memory is this worker's own."""
    return {
        row.deployment_id: Meter(
            errors=row.errors, interruptions=row.interruptions, lines_left_out=row.surplus.get(LINES, 0)
        )
        for row in DeploymentCost.objects.filter(deployment__in=list(deployment_ids))
    }


def record_costs(meters: Mapping[int, Meter]) -> None:
    """Write what each deployment costs."""
    now = timezone.now()
    rows = [
        DeploymentCost(
            deployment_id=deployment_id,
            evaluations=meter.evaluations,
            mean_us=meter.mean_us,
            worst_us=meter.worst_us,
            state_bytes=meter.state_bytes,
            grown_bytes=meter.grown_bytes,
            errors=meter.errors,
            interruptions=meter.interruptions,
            surplus=meter.left_out,
            as_of=now,
        )
        for deployment_id, meter in meters.items()
    ]
    upsert(DeploymentCost, rows, ("deployment",))
