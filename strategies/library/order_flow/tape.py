"""What the strategy reads on the tape: bursts, what looks made up, and who knows more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec

from trading.indicators.flow import trade_flow
from trading.snapshot import Print

from .._rules._keys import Switch, key

BURST = 5  # newest prints that may be a burst
NEWEST = 10  # newest prints whose volume may be an anomaly


class Tape(NamedTuple):
    """The newest prints of a symbol."""

    price: float
    imbalance: float  # from -1, all sold, to 1, all bought
    spike: float  # the volume of the newest five over that of five average ones
    vwap: float

    @property
    def above_vwap_pct(self) -> float:
        """How far the price is above the average one, percent of it."""
        return (self.price / self.vwap - 1) * 100

    @property
    def shown(self) -> dict[str, Any]:
        """What the deployment's page shows of it."""
        return {**self._asdict(), "above_vwap_pct": self.above_vwap_pct}


def read_tape(prints: Sequence[Print]) -> Tape:
    """Return what the prints say, oldest first; there are five at least."""
    flow, volume = trade_flow(prints), _volume(prints)
    assert flow is not None, "there are prints enough"
    spike = _volume(prints[-BURST:]) / BURST / (volume / len(prints))
    return Tape(prints[-1].price, flow.imbalance, spike, (flow.bought + flow.sold) / volume)


class Anomaly(msgspec.Struct, frozen=True):
    """Volume that is not what it seems: nothing is entered on it."""

    is_on: Switch = True
    prints: Annotated[int, key("public trades it is judged on; with fewer it is not judged", ge=20, le=1_000)] = 100
    low_ratio: Annotated[float, key("volume of the newest ten, of what is usual, that is too low", ge=0, le=1)] = 0.2
    high_ratio: Annotated[float, key("volume of the newest ten, of what is usual, that is too high", ge=1, le=100)] = (
        5.0
    )
    same_share: Annotated[float, key("share of prints of one size that is too much", gt=0, le=1)] = 0.4
    same_tolerance_pct: Annotated[float, key("sizes that differ by no more are one, percent", ge=0, le=10)] = 0.1
    idle_ratio: Annotated[float, key("volume of the newest ten that ought to move the price", ge=1, le=100)] = 3.0
    idle_move_pct: Annotated[float, key("move since the close before the last that is none, percent", ge=0, le=10)] = (
        0.1
    )

    def found(self, prints: Sequence[Print], close: float) -> str:
        """Return what is odd about the prints, oldest first, empty when nothing is.

        ``close`` is that of the candle before the last: the price the newest volume has moved, or not.
        """
        if not self.is_on or len(prints) < self.prints:
            return ""
        ratio = _volume(prints[-NEWEST:]) / NEWEST / (_volume(prints) / len(prints))
        if not self.low_ratio <= ratio <= self.high_ratio:
            return f"the newest volume is {ratio:.2f} of the usual"
        if (share := self._same(prints) / len(prints)) > self.same_share:
            return f"{share:.0%} of the prints have one size"
        move_pct = abs(prints[-1].price / close - 1) * 100
        if ratio >= self.idle_ratio and move_pct < self.idle_move_pct:
            return f"{ratio:.1f} times the usual volume moved the price by {move_pct:.2f} %"
        return ""

    def _same(self, prints: Sequence[Print]) -> int:
        """Return how many prints have one size, that which most of them have."""
        sizes = sorted(p.qty for p in prints)
        first = most = 0
        for last, size in enumerate(sizes):
            while sizes[first] * (1 + self.same_tolerance_pct / 100) < size:
                first += 1
            most = max(most, last - first + 1)
        return most


class Informed(msgspec.Struct, frozen=True):
    """VPIN: trade so one-sided per unit of volume that some takers know more. Nothing is entered beside them."""

    is_on: Switch = True
    buckets: Annotated[int, key("buckets of equal volume, of 20 prints at least", ge=2, le=50)] = 10
    # A thousand prints of ordinary sizes, in ordinary runs, show 0.25 to 0.4 by chance.
    high: Annotated[float, key("VPIN from which it stays out, 0 to 1", gt=0, le=1)] = 0.5


def _volume(prints: Sequence[Print]) -> float:
    return sum(p.qty for p in prints)
