"""What a process counts: plain numbers where it is busy, prometheus_client's metrics when they are read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[str, ...]
Counted = float | Mapping[Any, float]  # by labels; a mapping's keys may not be narrower than it says


class Histogram:
    """How often something took how long: two additions and a search among a dozen bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)  # ascending; each counts what is not above it
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take in one measurement."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds and how many measurements are not above each."""
        bounds = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


def counter(name: str, about: str, counts: Counted, labels: Sequence[str] = ()) -> Metric:
    """Return a counter; its sample is called ``name`` with `_total` behind."""
    family = CounterMetricFamily(name, about, labels=labels)
    for values, count in _by_labels(counts):
        family.add_metric(values, count)
    return family


def gauge(name: str, about: str, values: Counted, labels: Sequence[str] = ()) -> Metric:
    """Return a gauge."""
    family = GaugeMetricFamily(name, about, labels=labels)
    for label_values, value in _by_labels(values):
        family.add_metric(label_values, value)
    return family


def histogram(
    name: str, about: str, measured: Histogram | Mapping[Labels, Histogram], labels: Sequence[str] = ()
) -> Metric:
    """Return a histogram."""
    family = HistogramMetricFamily(name, about, labels=labels)
    each = [((), measured)] if isinstance(measured, Histogram) else list(measured.items())
    for values, one in each:
        family.add_metric(values, buckets=one.buckets, sum_value=one.total)
    return family


def _by_labels(values: Counted) -> list[tuple[Labels, float]]:
    # Copied at once: the thread that counts may meet new labels meanwhile.
    return list(values.items()) if isinstance(values, Mapping) else [((), values)]
