"""All that the pages of the markets show at one moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, Self

from django.core.cache import cache

from dashboard.drawings import DrawnBar, drawn_bars
from dashboard.market_ladder import Ladder, Tape, ladder, tape
from dashboard.market_rules import Rules, rules
from dashboard.market_watch import Sight, sight_of
from dashboard.market_words import FRAME_LATE_S, FRAME_STALE_S, Tone
from dashboard.scenes import Quote, Scene, feed_time
from marketdata import bus, selectors
from marketdata.coverage_bars import coverage_chart
from marketdata.day import DayFigures, day_figures
from marketdata.models import Instrument
from marketdata.selectors import ns_of
from portfolios.models import Fill, Season
from portfolios.selectors import current_season
from strategies.models import Deployment
from strategies.selectors import BOOK_STALE_S
from trading.candles import TIMEFRAME_MINUTES

FILLS_SHOWN = 50
DAY_FOR_S = 5  # the figures of a day are as old as that at most
COVERAGE_FOR_S = 60


class UnknownInstrument(LookupError):
    """The market has no such pair; the message names those it has."""


class Freshness(NamedTuple):
    """How far the figures of one instrument may be believed now."""

    tone: Tone
    word: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One instrument's line in the list of markets."""

    instrument: Instrument
    quote: Quote | None  # None: the feed does not tell of it
    day: DayFigures | None
    freshness: Freshness

    @property
    def slug(self) -> str:
        """The instrument's name in addresses."""
        return slug_of(self.instrument.symbol)

    @property
    def last(self) -> Decimal | None:
        """Price of the newest trade; without a feed the close of the newest candle."""
        if self.quote is not None and self.quote.last is not None:
            return self.quote.last
        return self.day.close if self.day else None

    @property
    def spread(self) -> Decimal | None:
        """Ask less bid, quote."""
        if self.quote is None or self.quote.bid is None or self.quote.ask is None:
            return None
        return self.quote.ask - self.quote.bid

    @property
    def change_pct(self) -> Decimal | None:
        """Against the price a day ago."""
        return self.day.change_pct(self.last) if self.day else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketsScene(Scene):
    """The list of markets."""

    instruments: list[Instrument]
    days: Mapping[str, DayFigures]

    @property
    def listed(self) -> list[Listed]:
        """The instruments by symbol."""
        quotes = {quote.symbol: quote for quote in self.quotes}
        return [_listed(self, i, quotes.get(i.symbol), self.days) for i in self.instruments]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketScene(Scene):
    """One instrument's page."""

    market_name: str
    instrument: Instrument
    symbols: list[str]  # all of the market, this one included
    day: DayFigures | None
    sight: Sight | None  # None: no frame could be read, or nobody has looked yet
    fills: list[Fill]
    fill_count: int  # of the season, in all
    names: Mapping[str, str]  # slug -> deployment
    coverage: list[DrawnBar]
    usd_per_quote: Decimal | None

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
        return _listed(self, self.instrument, quote, {self.symbol: self.day} if self.day else {})

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
        """The newest prints; None while the market cannot be seen."""
        if self.sight is None or self.symbol not in self.sight.snapshot.instruments:
            return None
        return tape(self.sight.snapshot.instrument(self.symbol), self.sight.tapes.get(self.symbol, []))

    @property
    def book_changed(self) -> datetime | None:
        """When the book changed last, market time."""
        return self.sight.book_changed.get(self.symbol) if self.sight else None

    @property
    def rules(self) -> Rules:
        """What may be traded and what it costs."""
        quote = self.line.quote
        ask = quote.ask if quote and quote.ask else self.line.last
        now_ns = ns_of(self.clock or datetime.now(UTC))
        return rules(self.instrument, ask=ask, usd_per_quote=self.usd_per_quote, time_ns=now_ns)

    @property
    def live(self) -> str:
        """What the chart follows, as JSON: the candles in the making, and how many fills there are."""
        told = {name: _forming(self.sight, self.symbol, name) for name in TIMEFRAME_MINUTES}
        return json.dumps(
            {"forming": told, "fills": self.fill_count, "is_fresh": self.line.freshness.tone == Tone.GOOD}
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


def slug_of(symbol: str) -> str:
    """Return a symbol as addresses spell it: BTC/USD is BTC-USD."""
    return symbol.replace("/", "-")


def markets_scene() -> MarketsScene:
    """Return all instruments of the market as it is heard now."""
    season, feed = current_season(), bus.feed_state()
    market = market_shown(season, feed)
    instruments = list(selectors.instruments_of(market))
    return MarketsScene(
        season=season,
        feed=feed,
        instruments=instruments,
        days=days_of(market, [i.symbol for i in instruments], feed_time(feed)),
    )


def market_scene(slug: str, *, is_looking: bool = True) -> MarketScene:
    """Return one instrument's page; ``is_looking`` folds the frames, else the book is not there yet.

    Raises:
        UnknownInstrument: the market has no such pair.
    """
    season, feed = current_season(), bus.feed_state()
    market = market_shown(season, feed)
    instruments = {i.symbol: i for i in selectors.instruments_of(market)}
    instrument = instrument_called(slug, instruments.values())
    symbol = instrument.symbol
    days = days_of(market, list(instruments), feed_time(feed))
    fills = fills_of(season, symbol)
    return MarketScene(
        season=season,
        feed=feed,
        market_name=market or "",
        instrument=instrument,
        symbols=list(instruments),
        day=days.get(symbol),
        sight=sight_of(market) if is_looking else None,
        fills=list(fills[:FILLS_SHOWN]),
        fill_count=fills.count(),
        names=dict(Deployment.objects.values_list("slug", "name")),
        coverage=cache.get_or_set(
            f"coverage-of:{market}:{symbol}".replace(" ", "-"), partial(_coverage, market, symbol), COVERAGE_FOR_S
        )
        or [],
        usd_per_quote=usd_per(instrument.quote, feed, days),
    )


def market_shown(season: Season | None, feed: Mapping[str, Any] | None) -> str | None:
    """Return the market whose pages are shown: the one that is heard, else the season's, else the last heard."""
    return feed["market"] if feed else (season.market if season else selectors.last_heard_market())


def instrument_called(slug: str, instruments: Iterable[Instrument]) -> Instrument:
    """Return the instrument that addresses spell ``slug``.

    Raises:
        UnknownInstrument: it names those there are.
    """
    known = {slug_of(instrument.symbol): instrument for instrument in instruments}
    if slug not in known:
        raise UnknownInstrument(f"instrument is {slug!r}; expected one of {', '.join(known) or 'none yet'}")
    return known[slug]


def known_slug(slug: str) -> str:
    """Return ``slug`` if an instrument of the market shown is called so.

    Raises:
        UnknownInstrument: it names those there are.
    """
    market = market_shown(current_season(), bus.feed_state())
    return slug_of(instrument_called(slug, selectors.instruments_of(market)).symbol)


def fills_of(season: Season | None, symbol: str) -> Any:
    """Return the fills of ``symbol`` by open accounts of the season, newest first, each with its account."""
    fills = Fill.objects.filter(account__season=season, account__closed_at=None, symbol=symbol)
    return (fills if season else Fill.objects.none()).select_related("account").order_by("-time", "-id")


def days_of(market: str | None, symbols: Sequence[str], now: datetime | None) -> dict[str, DayFigures]:
    """Return the last day of each symbol, a few seconds old at most."""
    compute = partial(day_figures, market, symbols, now or datetime.now(UTC))
    found: dict[str, DayFigures] | None = cache.get_or_set(f"days:{market}".replace(" ", "-"), compute, DAY_FOR_S)
    return found or {}


def usd_per(currency: str, feed: Mapping[str, Any] | None, days: Mapping[str, DayFigures]) -> Decimal | None:
    """Return what one unit of ``currency`` is worth in USD, by its last trade; None while that is not known."""
    if currency == "USD":
        return Decimal(1)
    pair = f"{currency}/USD"
    told = ((feed or {}).get("symbols") or {}).get(pair) or {}
    if told.get("last") is not None:
        return Decimal(str(told["last"]))
    return days[pair].close if pair in days else None


def freshness(scene: Scene, quote: Quote | None) -> Freshness:
    """Return how far an instrument's figures may be believed: amber when late, red when nobody should trade on them."""
    market = scene.market
    if quote is None:
        return Freshness(Tone.BAD, market.state if market.tone == Tone.BAD else "not heard", market.detail)
    if market.tone == Tone.BAD:
        return Freshness(Tone.BAD, market.state, market.detail)
    if quote.status == "stale" or quote.bid is None or quote.ask is None:
        return Freshness(Tone.BAD, "stale", "Its order book is not known: nothing is matched on it.")
    if market.tone == Tone.WARNING:
        return Freshness(Tone.WARNING, market.state, market.detail)
    if quote.age_s is None or quote.age_s > BOOK_STALE_S:
        return Freshness(Tone.WARNING, "quiet", f"Its book has not changed for more than {BOOK_STALE_S} s.")
    if quote.status != "online":
        return Freshness(Tone.WARNING, quote.status.replace("_", " "), "The exchange restricts orders for it.")
    detail = f"Frames come in; amber after {FRAME_LATE_S} s without one, red after {FRAME_STALE_S} s."
    return Freshness(Tone.GOOD, "live", detail)


def _listed(scene: Scene, instrument: Instrument, quote: Quote | None, days: Mapping[str, DayFigures]) -> Listed:
    day = days.get(instrument.symbol)
    return Listed(instrument=instrument, quote=quote, day=day, freshness=freshness(scene, quote))


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
