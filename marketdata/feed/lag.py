"""How late messages arrive: the last ten minutes, and when that is too late."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from marketdata.telemetry.metrics import Histogram
from trading.frames import NS_PER_MS, NS_PER_S

WINDOW_S = 600
MAX_SAMPLES = 1_200  # twice one a second
HIGH_NS = 2 * NS_PER_S
CALM_NS = 1 * NS_PER_S  # only below this it may be over
CALM_FOR_S = 10  # and only after as long without anything above
CURRENT_FOR_S = 10  # a measurement is news for as long
BAR_S = 10  # of the history
MEASURED_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class LagWindow:
    """The measurements of the last ``WINDOW_S`` of market time, and whether they are too high."""

    is_high: bool = False
    measured: Histogram = field(default_factory=lambda: Histogram(MEASURED_S))  # seconds, since the feed started
    _samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))  # time, lag in ns
    _high_since_ns: int = 0
    _worst_ns: int = 0  # since it is high
    _calm_since_ns: int | None = None

    def measure(self, lag_ns: int, now_ns: int) -> str | None:
        """Take in a measurement; return a message when lag became high or is over, which it cannot do often."""
        self._samples.append((now_ns, lag_ns))
        self.measured.observe(lag_ns / NS_PER_S)
        if not self.is_high:
            return self._begin(lag_ns, now_ns) if lag_ns > HIGH_NS else None
        self._worst_ns = max(self._worst_ns, lag_ns)
        if lag_ns > CALM_NS:
            self._calm_since_ns = None
            return None
        self._calm_since_ns = now_ns if self._calm_since_ns is None else self._calm_since_ns
        return self._end(now_ns) if now_ns - self._calm_since_ns >= CALM_FOR_S * NS_PER_S else None

    def report(self, now_ns: int) -> dict[str, Any]:
        """Return newest, p50, p99 and history in ms; None for what was not measured."""
        samples = [(at, lag) for at, lag in self._samples if now_ns - at <= WINDOW_S * NS_PER_S]
        ordered = sorted(lag for _, lag in samples)
        is_current = bool(samples) and now_ns - samples[-1][0] <= CURRENT_FOR_S * NS_PER_S
        return {
            "newest": _ms(samples[-1][1]) if is_current else None,
            "p50": _ms(_percentile(ordered, 50)) if ordered else None,
            "p99": _ms(_percentile(ordered, 99)) if ordered else None,
            "is_high": self.is_high,
            "history": _history(samples, now_ns),
        }

    def _begin(self, lag_ns: int, now_ns: int) -> str:
        self.is_high, self._high_since_ns, self._worst_ns, self._calm_since_ns = True, now_ns, lag_ns, None
        return f"messages arrive {_s(lag_ns)} s late; more than {_s(HIGH_NS)} s is too late"

    def _end(self, now_ns: int) -> str:
        self.is_high = False
        lasted_s = (now_ns - self._high_since_ns) / NS_PER_S
        return f"messages arrive in time again, after {lasted_s:.0f} s; they were at worst {_s(self._worst_ns)} s late"


def _percentile(ordered: list[int], percent: int) -> int:
    """Return the smallest that at least ``percent`` of them do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _history(samples: list[tuple[int, int]], now_ns: int) -> list[float | None]:
    """Return the worst lag of each ``BAR_S``, oldest first."""
    bars: list[float | None] = [None] * (WINDOW_S // BAR_S)
    for at, lag in samples:
        back = max(0, now_ns - at) // (BAR_S * NS_PER_S)
        if back < len(bars):
            known = bars[-1 - back]
            bars[-1 - back] = _ms(lag) if known is None else max(known, _ms(lag))
    return bars


def _ms(ns: int) -> float:
    return round(ns / NS_PER_MS, 1)


def _s(ns: int) -> str:
    return f"{ns / NS_PER_S:.1f}"
