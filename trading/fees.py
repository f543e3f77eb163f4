"""What an exchange charges: dated schedules, tiered by the volume of thirty days."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class UnknownFeeSchedule(ValueError):
    """No schedule of that name."""


class Liquidity(StrEnum):
    """What an execution did to the book: took from it, or had stood in it."""

    TAKER = "taker"
    MAKER = "maker"


@dataclass(frozen=True, slots=True)
class FeeTier:
    """Rates from ``volume`` on."""

    volume: Decimal  # USD traded in the last thirty days, at least
    taker_bps: Decimal
    maker_bps: Decimal


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """One published table of fees."""

    name: str
    valid_from: date
    tiers: tuple[FeeTier, ...]  # ascending by volume, the first from zero

    def rate_bps(self, liquidity: Liquidity, volume_usd: Decimal) -> Decimal:
        """Return the fee in basis points of the traded value."""
        at = bisect_right([tier.volume for tier in self.tiers], volume_usd) - 1
        tier = self.tiers[at]
        return tier.taker_bps if liquidity is Liquidity.TAKER else tier.maker_bps


def _schedule(name: str, valid_from: date, rows: str) -> FeeSchedule:
    cells = (row.split() for row in rows.strip().splitlines())
    tiers = tuple(FeeTier(Decimal(v), Decimal(t) * 100, Decimal(m) * 100) for v, t, m in cells)
    return FeeSchedule(name, valid_from, tiers)


# Kraken spot crypto, as its AssetPairs listed it on 2026-07-07: volume USD, taker %, maker %.
KRAKEN_SPOT_2026_07 = _schedule(
    "kraken-spot-2026-07",
    date(2026, 7, 7),
    """
            0  0.40  0.25
        10000  0.35  0.20
        50000  0.24  0.14
       100000  0.22  0.12
       250000  0.20  0.10
       500000  0.18  0.08
      1000000  0.16  0.06
      2500000  0.14  0.04
      5000000  0.12  0.02
     10000000  0.10  0.00
    100000000  0.08  0.00
    500000000  0.05  0.00
    """,
)

SCHEDULES = {schedule.name: schedule for schedule in (KRAKEN_SPOT_2026_07,)}


def fee_schedule(name: str) -> FeeSchedule:
    """Return the schedule called ``name``.

    Raises:
        UnknownFeeSchedule: it names the schedules there are.
    """
    try:
        return SCHEDULES[name]
    except KeyError:
        known = ", ".join(sorted(SCHEDULES))
        raise UnknownFeeSchedule(f"fee schedule is {name!r}; known are {known}") from None
