"""Equity points: what an account was worth at one moment of the market, and its sums by then."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from portfolios.models import EquityPoint
from portfolios.models.columns import stored
from trading.accounting.state import Worth
from trading.engine import EngineState
from trading.frames import utc


class Mark(NamedTuple):
    """Worth and sums as of ``time_ns``; money in the account's currency."""

    time_ns: int
    worth: Worth
    stake: Decimal
    paid_in: Decimal
    realised: Decimal
    fees: Decimal
    drawdown_pct: Decimal
    max_drawdown_pct: Decimal
    fills: int
    round_trips: int
    wins: int


def mark_of(time_ns: int, worth: Worth, state: EngineState) -> Mark:
    """Return what is kept of ``state``, which is as the frame of ``time_ns`` has left it."""
    figures, account = state.figures, state.account
    return Mark(
        time_ns=time_ns,
        worth=worth,
        stake=figures.stake,
        paid_in=account.paid_in,
        realised=account.realised,
        fees=account.fees,
        drawdown_pct=figures.drawdown_pct,
        max_drawdown_pct=figures.max_drawdown_pct,
        fills=figures.fills,
        round_trips=account.round_trips,
        wins=account.wins,
    )


def point_row(account_id: int, mark: Mark) -> EquityPoint:
    """Return the point of the account's curve."""
    return EquityPoint(
        account_id=account_id,
        time=utc(mark.time_ns),
        equity=stored(mark.worth.equity),
        mid_equity=stored(mark.worth.mid_equity),
        stake=stored(mark.stake),
        paid_in=stored(mark.paid_in),
        realised=stored(mark.realised),
        fees=stored(mark.fees),
        exposure=stored(mark.worth.exposure),
        drawdown_pct=stored(mark.drawdown_pct),
        max_drawdown_pct=stored(mark.max_drawdown_pct),
        fills=mark.fills,
        round_trips=mark.round_trips,
        wins=mark.wins,
    )
