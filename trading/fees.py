"""What an exchange charges: dated schedules, tiered by the volume of thirty days."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trading.frames import utc

TIER_CURRENCY = "USD"  # what the volumes of the tiers are counted in


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

    def rate_bps(self, liquidity: Liquidity) -> Decimal:
        """Return the fee in basis points of the traded value."""
        return self.taker_bps if liquidity is Liquidity.TAKER else self.maker_bps


class FeeSchedule:
    """One published table of fees; immutable."""

    __slots__ = ("_volumes", "name", "tiers", "valid_from")

    def __init__(self, name: str, valid_from: date, tiers: Iterable[FeeTier]) -> None:
        self.name = name
        self.valid_from = valid_from  # UTC
        self.tiers = tuple(sorted(tiers, key=lambda tier: tier.volume))
        self._volumes = [tier.volume for tier in self.tiers]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FeeSchedule) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return self.name, self.valid_from, self.tiers

    @property
    def family(self) -> str:
        """The name without year and month: what the tables that follow one another share."""
        return self.name.rsplit("-", 2)[0]

    def rate_bps(self, liquidity: Liquidity, volume_usd: Decimal | None) -> Decimal:
        """Return the fee in basis points of the traded value; an unknown volume (None) has earned no discount.

        A table without rows (the exchange published an empty one) charges the highest
        rate of all that are known: unknown is never free.
        """
        if not self.tiers:
            return highest_bps(liquidity)
        if volume_usd is None:
            return max(tier.rate_bps(liquidity) for tier in self.tiers)
        at = max(bisect_right(self._volumes, volume_usd) - 1, 0)
        return self.tiers[at].rate_bps(liquidity)


@dataclass(frozen=True, slots=True)
class FeePlan:
    """What an account has agreed to: one schedule, or a family of which the newest one in force applies."""

    name: str
    schedules: tuple[FeeSchedule, ...]  # ascending by date, at least one

    def at(self, time_ns: int) -> FeeSchedule:
        """Return the schedule in force at a market time; before the first, the first."""
        if len(self.schedules) == 1:
            return self.schedules[0]
        day = utc(time_ns).date()
        at = bisect_right([schedule.valid_from for schedule in self.schedules], day) - 1
        return self.schedules[max(at, 0)]


def published(
    name: str, valid_from: date, taker: Sequence[Sequence[str]], maker: Sequence[Sequence[str]]
) -> FeeSchedule:
    """Return the schedule that an exchange lists as (volume, percent) rows, as Kraken's AssetPairs does.

    Rows of either kind may be missing: the rate is then the highest that is known.
    """
    rows: dict[Liquidity, dict[Decimal, Decimal]] = {
        Liquidity.TAKER: {Decimal(str(v)): Decimal(str(pct)) * 100 for v, pct in taker},
        Liquidity.MAKER: {Decimal(str(v)): Decimal(str(pct)) * 100 for v, pct in maker},
    }

    def rate(liquidity: Liquidity, volume: Decimal) -> Decimal:
        reached = [v for v in rows[liquidity] if v <= volume]
        return rows[liquidity][max(reached)] if reached else highest_bps(liquidity)

    volumes = sorted({v for known in rows.values() for v in known})
    return FeeSchedule(
        name, valid_from, [FeeTier(v, rate(Liquidity.TAKER, v), rate(Liquidity.MAKER, v)) for v in volumes]
    )


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
DEFAULT_FEE_SCHEDULE = KRAKEN_SPOT_2026_07.name


class Schedules:
    """The schedules that are known, each under a name that stands for one table for ever; immutable."""

    __slots__ = ("_by_name",)

    def __init__(self, schedules: Iterable[FeeSchedule]) -> None:
        self._by_name = {schedule.name: schedule for schedule in schedules}

    def __iter__(self) -> Iterator[FeeSchedule]:
        """Yield them by name."""
        return (self._by_name[name] for name in sorted(self._by_name))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def with_more(self, schedules: Iterable[FeeSchedule]) -> Schedules:
        """Return these and ``schedules``; of two of one name those that were known first stay."""
        more = {schedule.name: schedule for schedule in schedules}
        return Schedules((more | self._by_name).values())

    def families(self) -> list[str]:
        """Return the names under which the schedule in force at each date is charged."""
        return sorted({schedule.family for schedule in self})

    def plan(self, name: str) -> FeePlan:
        """Return the plan called ``name``: a schedule's name, or the part of it that its family shares.

        ``kraken-spot-2026-07`` is that table for ever; ``kraken-spot`` is whichever
        ``kraken-spot-YYYY-MM`` is in force.

        Raises:
            UnknownFeeSchedule: it names the schedules there are.
        """
        if name in self._by_name:
            return FeePlan(name, (self._by_name[name],))
        family = [schedule for schedule in self if schedule.family == name]
        if not family:
            known, families = ", ".join(sorted(self._by_name)), ", ".join(self.families())
            raise UnknownFeeSchedule(
                f"fee schedule is {name!r}; known are {known} and, whichever is in force, {families}"
            )
        return FeePlan(name, tuple(sorted(family, key=lambda schedule: schedule.valid_from)))

    def schedule(self, name: str) -> FeeSchedule:
        """Return the schedule called ``name``; of a family the newest.

        Raises:
            UnknownFeeSchedule: it names the schedules there are.
        """
        return self.plan(name).schedules[-1]


PUBLISHED = Schedules((KRAKEN_SPOT_2026_07,))  # what Paddock brings along; an installation may know more


def highest_bps(liquidity: Liquidity) -> Decimal:
    """Return the highest rate that any published schedule has: what is charged where the true one is unknown."""
    return max(tier.rate_bps(liquidity) for schedule in PUBLISHED for tier in schedule.tiers)
