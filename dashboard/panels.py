"""The live parts of the pages. A panel's template is `dashboard/panels/<name>.html`; it reads `scene`.

To add one: an entry here and the template of the same name. Page and socket iterate over the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.scenes import Scene


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page that is replaced as a whole when its HTML changes. It may not depend on the reader."""

    name: str
    label: str  # what a screen reader calls it
    has_prices: bool = False  # shows the feed's own figures: rendered anew on every beat

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return f"panel-{self.name}"

    def render(self, scene: Scene) -> SafeString:
        """Return the panel's inner HTML."""
        return mark_safe(render_to_string(f"dashboard/panels/{self.name}.html", {"scene": scene}))  # noqa: S308


MARKET = Panel("market", "Market", has_prices=True)

LEAGUE_PANELS = (
    MARKET,
    Panel("totals", "Totals"),
    Panel("prices", "Prices", has_prices=True),
    Panel("leaderboard", "Leaderboard"),
    Panel("trade_feed", "Live trades"),
)

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


@dataclass(frozen=True, slots=True)
class Rendered:
    """A panel with its HTML, as the page's template wants it."""

    panel: Panel
    html: SafeString


def rendered(panels: Iterable[Panel], scene: Scene) -> list[Rendered]:
    """Return every panel with its HTML."""
    return [Rendered(panel, panel.render(scene)) for panel in panels]


def swap_message(panels: Mapping[Panel, str]) -> str:
    """Return what a socket sends to have these panels replaced; empty without panels.

    `morph` is the page's own way of swapping: it keeps focus, open details and selected text.
    """
    return "".join(
        format_html('<section id="{}" hx-swap-oob="morph">{}</section>', panel.element_id, html)
        for panel, html in panels.items()
    )
