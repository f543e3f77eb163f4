"""Fill models: how generously the market is assumed to treat our orders. Each fill names its model and version."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from hashlib import sha256
from statistics import NormalDist
from typing import Annotated

import msgspec

from trading.book import Side
from trading.frames import NS_PER_MS

_STEPS = 1 << 64
_NORMAL = NormalDist()


class UnknownFillModel(ValueError):
    """No fill model of that name."""


class FillModel(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed where the public data leave it open."""

    name: str
    version: int
    latency_factor: int = 1  # of the deployment's latency
    fills_at_touch: bool = False  # an order is filled whole as soon as the market is at its price
    needs_trade_through: bool = False  # a resting order is filled only by prints beyond its price
    slippage_bps: Decimal = Decimal(0)  # that a taker pays beside what the book shows, never beyond a limit

    @property
    def label(self) -> str:
        """The name that evidence keeps."""
        return f"{self.name}-{self.version}"

    def taken_at(self, side: Side, ticks: int, limit_ticks: int | None, step_ticks: int = 1) -> int:
        """Return the price, a multiple of ``step_ticks``, at which a taker gets a level shown at ``ticks``."""
        if not self.slippage_bps:
            return ticks
        steps = (ticks * self.slippage_bps / 10_000 / step_ticks).to_integral_value(ROUND_CEILING)
        worse = int(steps) * step_ticks
        if side is Side.BUY:
            return ticks + worse if limit_ticks is None else min(ticks + worse, limit_ticks)
        return max(step_ticks, ticks - worse) if limit_ticks is None else max(ticks - worse, limit_ticks)


REALISTIC = FillModel(name="realistic", version=2)
OPTIMISTIC = FillModel(name="optimistic", version=1, latency_factor=0, fills_at_touch=True)
PESSIMISTIC = FillModel(
    name="pessimistic", version=1, latency_factor=2, needs_trade_through=True, slippage_bps=Decimal(5)
)
FILL_MODELS = {model.name: model for model in (REALISTIC, OPTIMISTIC, PESSIMISTIC)}


def fill_model(name: str) -> FillModel:
    """Return the model called ``name``.

    Raises:
        UnknownFillModel: it names the models there are.
    """
    try:
        return FILL_MODELS[name]
    except KeyError:
        raise UnknownFillModel(f"fill model is {name!r}; known are {', '.join(FILL_MODELS)}") from None


class Latency(msgspec.Struct, frozen=True):
    """From a signal to the exchange: constant, or drawn for each order from a distribution of its own."""

    ms: Annotated[int, msgspec.Meta(ge=0, le=60_000, description="median, milliseconds")] = 200
    sigma: Annotated[
        float, msgspec.Meta(ge=0, le=2, description="of the logarithm: 0 is constant, 0.5 doubles it in 8 of 100")
    ] = 0.0
    spread_ms: Annotated[
        int, msgspec.Meta(ge=0, le=60_000, description="added evenly: from nothing up to this, milliseconds")
    ] = 0

    def of(self, order_id: str) -> int:
        """Return the nanoseconds of one order. The same order draws the same again: by a hash, not by chance."""
        if not self.sigma and not self.spread_ms:
            return self.ms * NS_PER_MS
        share = (int.from_bytes(sha256(f"latency:{order_id}".encode()).digest()[:8], "big") + 0.5) / _STEPS
        stretched = self.ms * 2.718281828459045 ** (self.sigma * _NORMAL.inv_cdf(share)) + self.spread_ms * share
        return min(60_000, int(stretched)) * NS_PER_MS
