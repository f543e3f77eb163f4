"""The columns of the league table: header, chooser and the page's script follow this list."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column."""

    key: str
    label: str
    unit: str = ""
    about: str = ""
    is_number: bool = True
    is_fixed: bool = False  # cannot be left out
    best_is_low: bool = False  # the first click on it puts the lowest first


COLUMNS = (
    Column(
        "rank", "#", about="Rank in the season by return on starting balance and deposits; the arrow: change "
        "within the window, in the season view within a day", is_fixed=True, best_is_low=True,
    ),
    Column("who", "Deployment", is_number=False, is_fixed=True, best_is_low=True),
    Column("health", "Health", is_number=False, best_is_low=True),
    Column(
        "equity", "Equity", "$", "Liquidation value: every position closed against the order book, less the taker fee",
    ),
    Column("line", "P&L", "over the window", "P&L since the window began", is_number=False),
    Column(
        "return", "Return", "% · fill models", "P&L in percent of equity at the window's start plus later deposits; "
        "below it the lowest and highest return among the fill models",
    ),
    Column("realised", "Realised", "$", "Of reduced and closed positions within the window, net of fees"),
    Column("unrealised", "Unrealised", "$", "P&L within the window less realised P&L"),
    Column(
        "drawdown", "Drawdown", "worst · now %", "Maximum drawdown within the window (sampled; exact for a whole "
        "season); below it the current drawdown from the season's peak", best_is_low=True,
    ),
    Column("trades", "Trades", "closed · fills", "Closed round trips within the window; below them all fills"),
    Column(
        "wins", "Win rate", "% · n · 95 %", "Share of winning round trips, their number, and the 95 % confidence "
        "interval (Wilson)",
    ),
    Column(
        "fees", "Fees", "$ · of edge", "All fees within the window; below it in percent of gross P&L", best_is_low=True,
    ),
    Column(
        "exposure", "Exposure", "$ · ×", "Value of all open positions at mid, longs plus shorts; × is the multiple "
        "of equity",
    ),
    Column("last", "Last trade", "ago"),
)  # fmt: skip
