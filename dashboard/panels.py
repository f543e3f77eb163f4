"""The live parts of the pages. A panel's template is `dashboard/panels/<name>.html`; it reads `scene`.

To add one: an entry here and the template of the same name. Page and socket iterate over the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.scenes import Scene

ROWS = "<!--rows-->"  # where a panel's template wants its rows


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page that is replaced when its HTML changes. It may not depend on the reader."""

    name: str
    label: str  # what a screen reader calls it
    has_prices: bool = False  # shows the feed's own figures: rendered anew on every beat
    has_rows: bool = False  # `scene.rows` are table rows that are replaced one by one
    is_quick: bool = False  # shows fills alone: rendered as soon as one is announced

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return f"panel-{self.name}"

    def draw(self, scene: Scene) -> Drawn:
        """Return the panel as it looks now."""
        frame = render_to_string(f"dashboard/panels/{self.name}.html", {"scene": scene})
        rows: dict[str, str] = {}
        if self.has_rows and isinstance(scene, HasRows):
            rows = {row.element_id: _row(row) for row in scene.rows}
        return Drawn(self, frame, rows)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel as it looked at one moment."""

    panel: Panel
    frame: str  # with `ROWS` where the rows belong, if there are any
    rows: Mapping[str, str]  # element id -> its cells, in their order

    @property
    def html(self) -> SafeString:
        """All of it."""
        rows = "".join(f'<tr id="{element_id}">{cells}</tr>' for element_id, cells in self.rows.items())
        return mark_safe(self.frame.replace(ROWS, rows))  # noqa: S308

    def is_framed_as(self, other: Drawn | None) -> bool:
        """Return whether both differ in the cells of their rows at most, or in the rows' order: pages sort."""
        return other is not None and self.frame == other.frame and self.rows.keys() == other.rows.keys()

    def rows_changed_since(self, other: Drawn) -> dict[str, str]:
        """Return the rows that look otherwise now."""
        return {element_id: cells for element_id, cells in self.rows.items() if other.rows[element_id] != cells}


class DrawnRow(Protocol):
    """What a row needs to be drawn by `dashboard/rows/<template>.html`."""

    @property
    def template(self) -> str:
        """The template's name."""

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""


@runtime_checkable
class HasRows(Protocol):
    """A scene with table rows."""

    @property
    def rows(self) -> Sequence[DrawnRow]:
        """In their order."""


def _row(row: DrawnRow) -> str:
    return render_to_string(f"dashboard/rows/{row.template}.html", {"row": row})


MARKET = Panel("market", "Market", has_prices=True)

LEAGUE_PANELS = (
    MARKET,
    Panel("totals", "Totals"),
    Panel("prices", "Prices", has_prices=True),
    Panel("leaderboard", "Leaderboard", has_rows=True),
    Panel("trade_feed", "Live trades", is_quick=True),
)

# How things stood: a past moment has no prices of its own.
PAST_LEAGUE_PANELS = tuple(panel for panel in LEAGUE_PANELS if panel.name != "prices")

FEED_PANELS = (
    MARKET,
    Panel("trust", "Can it be trusted", has_prices=True),
    Panel("connection", "Connection", has_prices=True),
    Panel("lag", "Lag", has_prices=True),
    Panel("recording", "Recording", has_prices=True),
    Panel("quality", "Quality", has_prices=True),
    Panel("heard", "Symbols", has_prices=True),
    Panel("feed_events", "Feed events"),
    Panel("coverage", "Stored candles"),
)

MARKETS_PANELS = (MARKET, Panel("markets", "Markets", has_prices=True))

MARKET_PANELS = (
    MARKET,
    Panel("market_quote", "Quote", has_prices=True),
    Panel("market_chart", "Chart"),
    Panel("market_ladder", "Order book", has_prices=True),
    Panel("market_tape", "Tape", has_prices=True),
    Panel("market_fills", "Fills of the league"),
    Panel("market_rules", "Rules", has_prices=True),
    Panel("market_fees", "Fees"),
    Panel("market_coverage", "Stored candles"),
)

SYSTEM_PANELS = (
    MARKET,
    Panel("system_words", "How it fares", has_prices=True),
    Panel("system_vitals", "At a glance", has_prices=True),
    Panel("system_workers", "Workers"),
    Panel("system_processes", "Processes"),
    Panel("system_jobs", "Jobs"),
    Panel("system_database", "Database"),
    Panel("system_redis", "Redis"),
    Panel("system_house", "Disk, versions, backup"),
)

DEPLOYMENT_PANELS = (
    MARKET,
    Panel("deployment", "Deployment"),
    Panel("figures", "Figures"),
    Panel("equity_chart", "Equity"),
    Panel("shadows", "Fill models"),
    Panel("positions", "Positions", has_prices=True),
    Panel("open_orders", "Open orders"),
    Panel("fills", "Fills"),
    Panel("round_trips", "Closed round trips"),
    Panel("exits", "Exits by rule"),
    Panel("instruments", "Instruments"),
    Panel("payments", "Payments"),
    Panel("why", "Why it did not trade"),
    Panel("refusals", "Refused orders"),
    Panel("indicators", "Indicators"),
    Panel("events", "Events"),
    Panel("cost", "Cost"),
    Panel("config", "Configuration"),
    Panel("revisions", "Changes"),
)


def drawn(panels: Iterable[Panel], scene: Scene) -> list[Drawn]:
    """Return every panel as it looks."""
    return [panel.draw(scene) for panel in panels]


def whole_message(panels: Iterable[Drawn]) -> str:
    """Return what a socket sends to have these panels replaced; empty without panels.

    `morph` is the page's own way of swapping: it keeps focus, open details and selected text.
    """
    return "".join(
        format_html('<section id="{}" hx-swap-oob="morph">{}</section>', each.panel.element_id, each.html)
        for each in panels
    )


def change_messages(now: Iterable[Drawn], before: Mapping[Panel, Drawn]) -> list[str]:
    """Return what a socket sends to have the page as it is ``now``: nothing where nothing has changed.

    Rows go in a message of their own: a browser parses them only where nothing else surrounds them.
    """
    panels: list[Drawn] = []
    rows: dict[str, str] = {}
    for each in now:
        shown = before.get(each.panel)
        if shown is not None and each.is_framed_as(shown):
            rows |= each.rows_changed_since(shown)
        else:
            panels.append(each)
    changed = "".join(f'<tr id="{element_id}" hx-swap-oob="morph">{cells}</tr>' for element_id, cells in rows.items())
    return [message for message in (whole_message(panels), changed) if message]
