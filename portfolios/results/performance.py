"""What accounts have made of a stretch of time: the difference between how they stood at its two ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from portfolios.models import Account, EquityPoint, Standing
from portfolios.results.sampling import Sample
from trading.performance.drawdown import worst_drawdown_pct
from trading.performance.intervals import Interval
from trading.performance.returns import fees_of_edge_pct, return_pct
from trading.performance.trips import win_rate_interval_pct, win_rate_pct

ZERO = Decimal(0)
NOT_KEPT = "its points of that time hold no figures but its worth"
NO_TRIP = "no round trip was closed: nothing was won or lost"
NOTHING_PAID = "no fee was paid"
NO_EDGE = "before fees nothing was gained: there was no edge that fees could take a share of"
NO_STAKE = "nothing was left to gain with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How an account stood at one moment; money in its currency. None: not kept."""

    equity: Decimal
    stake: Decimal
    paid_in: Decimal
    realised: Decimal | None
    fees: Decimal | None
    fills: int | None
    round_trips: int | None
    wins: int | None

    @property
    def result(self) -> Decimal:
        """Equity less stake."""
        return self.equity - self.stake

    @property
    def return_pct(self) -> Decimal | None:
        """Result in percent of all that was ever paid in; None before anything was."""
        return return_pct(self.result, self.paid_in)


UNPAID = Moment(equity=ZERO, stake=ZERO, paid_in=ZERO, realised=ZERO, fees=ZERO, fills=0, round_trips=0, wins=0)


def moment_of(known: Standing | EquityPoint | None, account: Account) -> Moment:
    """Return how the account stood as ``known``; None: it has its stake and has done nothing yet."""
    if known is None:
        return Moment(
            equity=account.cash, stake=account.cash, paid_in=account.cash,
            realised=ZERO, fees=ZERO, fills=0, round_trips=0, wins=0,
        )  # fmt: skip
    return Moment(
        equity=known.equity,
        stake=account.cash if known.stake is None else known.stake,
        paid_in=account.cash if known.paid_in is None else known.paid_in,
        realised=known.realised,
        fees=known.fees,
        fills=known.fills,
        round_trips=known.round_trips,
        wins=known.wins,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What an account made between two moments. What was paid in or taken out is neither gain nor loss."""

    before: Moment
    after: Moment
    since: datetime | None  # of ``before``, else of its first valuation; None: it was never valued
    is_whole: bool  # False: it began later than the stretch
    samples: Sequence[Sample | None]  # on the stretch's grid; None where it was not valued
    worst_pct: Decimal | None  # percent below the highest point before it, within the stretch

    @property
    def gain(self) -> Decimal:
        """Result at the end less result at the beginning."""
        return self.after.result - self.before.result

    @property
    def base(self) -> Decimal:
        """What there was at the beginning and what was paid in since."""
        return self.before.equity + self.after.paid_in - self.before.paid_in

    @property
    def return_pct(self) -> Decimal | None:
        """Gain in percent of what there was at the beginning and what was paid in since; None when that is nothing."""
        return return_pct(self.gain, self.base)

    @property
    def realised(self) -> Decimal | None:
        """Of reductions and round trips, fees included."""
        return _less(self.after.realised, self.before.realised)

    @property
    def unrealised(self) -> Decimal | None:
        """Gain less realised: by how much the worth of what is open has moved."""
        return None if self.realised is None else self.gain - self.realised

    @property
    def fees(self) -> Decimal | None:
        """Of every kind, interest included."""
        return _less(self.after.fees, self.before.fees)

    @property
    def fills(self) -> int | None:
        """Their number."""
        return _fewer(self.after.fills, self.before.fills)

    @property
    def round_trips(self) -> int | None:
        """Number of positions that were closed."""
        return _fewer(self.after.round_trips, self.before.round_trips)

    @property
    def wins(self) -> int | None:
        """How many of them gained."""
        return _fewer(self.after.wins, self.before.wins)

    @property
    def win_rate_pct(self) -> Decimal | None:
        """Share of closed round trips that gained, in percent."""
        return None if self.round_trips is None or self.wins is None else win_rate_pct(self.wins, self.round_trips)

    @property
    def win_rate_interval_pct(self) -> Interval | None:
        """Where the true win rate lies, 19 times out of 20 (Wilson)."""
        if self.round_trips is None or self.wins is None:
            return None
        return win_rate_interval_pct(self.wins, self.round_trips)

    @property
    def fees_of_edge_pct(self) -> Decimal | None:
        """Fees in percent of the gain before them; None without such a gain."""
        return None if self.fees is None else fees_of_edge_pct(self.gain, self.fees)

    @property
    def reasons(self) -> dict[str, str]:
        """Why a figure is absent, by its name."""
        absent: dict[str, str] = {}
        if self.return_pct is None:
            absent["return_pct"] = NO_STAKE
        if self.realised is None:
            names = ("realised", "unrealised", "fees", "fills", "round_trips", "wins", "win_rate_pct")
            return absent | dict.fromkeys((*names, "fees_of_edge_pct"), NOT_KEPT)
        if self.win_rate_pct is None:
            absent["win_rate_pct"] = NO_TRIP
        if self.fees_of_edge_pct is None:
            absent["fees_of_edge_pct"] = NO_EDGE if self.fees else NOTHING_PAID
        return absent


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceTotals:
    """What several accounts of one currency made of a stretch together."""

    gain: Decimal
    return_pct: Decimal | None  # of what they had at its beginning and what was paid in since
    realised: Decimal
    fees: Decimal
    fills: int
    round_trips: int
    incomplete: int  # accounts whose figures of the beginning are not kept: the last four lack them


def totals_of(performances: Collection[Performance]) -> PerformanceTotals:
    """Return the sums."""
    gain = sum((each.gain for each in performances), ZERO)
    base = sum((each.base for each in performances), ZERO)
    known = [each for each in performances if each.realised is not None]
    return PerformanceTotals(
        gain=gain,
        return_pct=return_pct(gain, base),
        realised=sum((each.realised or ZERO for each in known), ZERO),
        fees=sum((each.fees or ZERO for each in known), ZERO),
        fills=sum(each.fills or 0 for each in known),
        round_trips=sum(each.round_trips or 0 for each in known),
        incomplete=len(performances) - len(known),
    )


def worst_fall_pct(start: Moment, samples: Iterable[Sample | None], end: Moment) -> Decimal:
    """Return the largest drawdown in percent as the samples show it: between two of them it may have been deeper."""
    known = [(start.equity, start.stake), *((s.equity, s.stake) for s in samples if s), (end.equity, end.stake)]
    later = ((equity, stake - before) for (_, before), (equity, stake) in pairwise(known))
    return worst_drawdown_pct(start.equity, later)


def _less(after: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if after is None or before is None else after - before


def _fewer(after: int | None, before: int | None) -> int | None:
    return None if after is None or before is None else after - before
