"""Everything one market's page shows at one moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Self

from dashboard.markets.ladder import Ladder, Tape, ladder, tape
from dashboard.markets.listing import Listed, days_of, instrument_called, line_of, market_shown, slug_of, usd_per
from dashboard.markets.rules import Rules, rules
from dashboard.markets.watch import Sight, sight_of
from dashboard.page.banner import Tone
from dashboard.page.cached import cached
from dashboard.page.charts import DrawnBar, drawn_bars
from dashboard.page.scene import Scene, feed_time
from marketdata import bus, selectors
from marketdata.history.coverage_bars import coverage_chart
from marketdata.history.day import DayFigures
from marketdata.models import Instrument
from portfolios.fees import known_schedules
from portfolios.models import Fill
from portfolios.selectors import current_season, newest_fills
from strategies.models import Deployment
from trading.candles import TIMEFRAME_MINUTES
from trading.fees import Schedules
from trading.minutes import ns_of

FILLS_SHOWN = 50
COVERAGE_FOR_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketScene(Scene):
    """One instrument's page."""

    market_name: str
    instrument: Instrument
    symbols: list[str]  # all of the market, this one included
    day: DayFigures | None
    sight: Sight | None  # None: no frame could be read, or not requested yet
    fills: list[Fill]
    fill_count: int  # of the season, in all
    names: Mapping[str, str]  # slug -> deployment
    coverage: list[DrawnBar]
    usd_per_quote: Decimal | None
    schedules: Schedules

    def with_fresh_feed(self) -> Self:
        """Return the scene with quotes and book as they are now."""
        return replace(self, feed=bus.feed_state(), sight=sight_of(self.market_name))

    @property
    def symbol(self) -> str:
        """The instrument's name on the exchange."""
        return self.instrument.symbol

    @property
    def slug(self) -> str:
        """The instrument's name in addresses."""
        return slug_of(self.symbol)

    @property
    def line(self) -> Listed:
        """The instrument's quote and day."""
        quote = next((quote for quote in self.quotes if quote.symbol == self.symbol), None)
        return line_of(self, self.instrument, quote, {self.symbol: self.day} if self.day else {})

    @property
    def before(self) -> str:
        """The slug of the instrument before this one; the first follows the last."""
        return slug_of(self.symbols[self.symbols.index(self.symbol) - 1])

    @property
    def after(self) -> str:
        """The slug of the instrument after this one."""
        return slug_of(self.symbols[(self.symbols.index(self.symbol) + 1) % len(self.symbols)])

    @property
    def ladder(self) -> Ladder | None:
        """The order book; None before any."""
        return ladder(self.sight.snapshot, self.symbol) if self.sight else None

    @property
    def tape(self) -> Tape | None:
        """The newest prints; None without frames."""
        if self.sight is None or self.symbol not in self.sight.snapshot.instruments:
            return None
        return tape(self.sight.snapshot.instrument(self.symbol), self.sight.tapes.get(self.symbol, []))

    @property
    def book_changed(self) -> datetime | None:
        """When the book changed last, market time."""
        return self.sight.book_changed.get(self.symbol) if self.sight else None

    @property
    def rules(self) -> Rules:
        """Trading rules and costs."""
        quote = self.line.quote
        ask = quote.ask if quote and quote.ask else self.line.last
        now_ns = ns_of(self.clock or datetime.now(UTC))
        return rules(
            self.instrument, ask=ask, usd_per_quote=self.usd_per_quote, time_ns=now_ns, schedules=self.schedules
        )

    @property
    def live(self) -> str:
        """What the chart follows, as JSON: the forming candles and the number of fills."""
        forming = {name: _forming(self.sight, self.symbol, name) for name in TIMEFRAME_MINUTES}
        return json.dumps(
            {"forming": forming, "fills": self.fill_count, "is_fresh": self.line.freshness.tone == Tone.GOOD}
        )

    @property
    def timeframe_names(self) -> list[str]:
        """What candles there are, from short to long."""
        return list(TIMEFRAME_MINUTES)

    @property
    def fillers(self) -> list[tuple[str, str]]:
        """Slug and name of the deployments whose fills are shown."""
        slugs = dict.fromkeys(fill.account.slug for fill in self.fills)
        return sorted(((slug, self.names.get(slug, slug)) for slug in slugs), key=lambda known: known[1].lower())


def market_scene(slug: str, *, with_book: bool = True) -> MarketScene:
    """Return one instrument's page; ``with_book`` folds the newest frames, else book and tape are empty.

    Raises:
        UnknownInstrument: the market has no such pair.
    """
    season, feed = current_season(), bus.feed_state()
    market = market_shown(season, feed)
    instruments = {i.symbol: i for i in selectors.instruments_of(market)}
    instrument = instrument_called(slug, instruments.values())
    symbol = instrument.symbol
    days = days_of(market, list(instruments), feed_time(feed))
    fills = newest_fills(season, symbol=symbol)
    return MarketScene(
        season=season,
        feed=feed,
        market_name=market or "",
        instrument=instrument,
        symbols=list(instruments),
        day=days.get(symbol),
        sight=sight_of(market) if with_book else None,
        fills=list(fills[:FILLS_SHOWN]),
        fill_count=fills.count(),
        names=dict(Deployment.objects.values_list("slug", "name")),
        coverage=cached(
            f"coverage-of:{market}:{symbol}", list[DrawnBar], partial(_coverage, market, symbol), COVERAGE_FOR_S
        ),
        usd_per_quote=usd_per(instrument.quote, feed, days),
        schedules=known_schedules(),
    )


def known_slug(slug: str) -> str:
    """Return ``slug`` if an instrument of the market shown is called so.

    Raises:
        UnknownInstrument: the message names the known ones.
    """
    market = market_shown(current_season(), bus.feed_state())
    return slug_of(instrument_called(slug, selectors.instruments_of(market)).symbol)


def _coverage(market: str | None, symbol: str) -> list[DrawnBar]:
    charts = [coverage_chart(market or "", timeframe, symbol=symbol) for timeframe in TIMEFRAME_MINUTES]
    return [bar for chart in charts if chart is not None for bar in drawn_bars(chart)]


def _forming(sight: Sight | None, symbol: str, timeframe: str) -> dict[str, Any] | None:
    forming = sight.forming(symbol, timeframe) if sight and symbol in sight.snapshot.instruments else None
    if forming is None:
        return None
    return {
        "start": forming.start_ns // 1_000_000_000,
        "open": forming.open,
        "high": forming.high,
        "low": forming.low,
        "close": forming.close,
        "volume": forming.volume,
        "minutes": forming.minutes,
        "minutes_begun": forming.minutes_begun,
    }
