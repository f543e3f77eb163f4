"""What the league's table tells, column by column: header, chooser and page's script follow this list."""

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
        "rank", "#", about="Place in the season, by return on all that was paid in; the arrow: places gained within "
        "the window, in the season's view within a day", is_fixed=True, best_is_low=True,
    ),
    Column("who", "Deployment", is_number=False, is_fixed=True, best_is_low=True),
    Column("health", "Health", is_number=False, best_is_low=True),
    Column(
        "equity", "Equity", "$", "What the account would fetch now: every position closed against the book, less the "
        "taker fee",
    ),
    Column("line", "Gain", "over the window", "What was gained and lost since the window began", is_number=False),
    Column(
        "return", "Return", "% · fill models", "Gain in percent of the equity when the window began and what was paid "
        "in since; below it the lowest and the highest return among the fill models",
    ),
    Column("realised", "Realised", "$", "Of reductions and closed round trips within the window, fees included"),
    Column("unrealised", "Unrealised", "$", "Gain within the window less what was realised in it"),
    Column(
        "drawdown", "Drawdown", "worst · now %", "Deepest fall below a high within the window (by samples; of an "
        "account's whole life exact); below it the fall from the season's peak now", best_is_low=True,
    ),
    Column("trades", "Trades", "closed · fills", "Closed round trips within the window; below them all fills"),
    Column(
        "wins", "Win rate", "% · n · 95 %", "Share of the closed round trips that gained, their number, and where the "
        "true rate lies 19 times out of 20 (Wilson)",
    ),
    Column(
        "fees", "Fees", "$ · of edge", "Of every kind, within the window; below it in percent of what was gained "
        "before fees", best_is_low=True,
    ),
    Column(
        "exposure", "Exposure", "$ · ×", "Value of all open positions at mid prices now, longs and shorts never "
        "netted; × is how many times the equity",
    ),
    Column("last", "Last trade", "ago"),
)  # fmt: skip
