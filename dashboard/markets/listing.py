"""The list of markets: each pair's quote, its last 24 h, and how fresh the data is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from dashboard.page.banner import FRAME_LATE_S, FRAME_STALE_S, Tone
from dashboard.page.cached import cached
from dashboard.page.scene import Quote, Scene, feed_time
from marketdata import bus, selectors
from marketdata.history.day import DayFigures, day_figures
from marketdata.kraken.symbols import UnknownPairName, symbol_of
from marketdata.models import Instrument
from portfolios.models import Season
from portfolios.selectors import current_season
from strategies.league.board import BOOK_STALE_S

DAY_FOR_S = 5  # the figures of a day are as old as that at most


class UnknownInstrument(LookupError):
    """The market has no such pair; the message names the known ones."""


class Freshness(NamedTuple):
    """How fresh the data of one instrument is."""

    tone: Tone
    word: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One instrument's line in the list of markets."""

    instrument: Instrument
    quote: Quote | None  # None: not in the feed
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
        return [line_of(self, i, quotes.get(i.symbol), self.days) for i in self.instruments]


def slug_of(symbol: str) -> str:
    """Return a symbol as addresses spell it: BTC/USD is BTC-USD."""
    return symbol.replace("/", "-")


def markets_scene() -> MarketsScene:
    """Return all instruments of the market shown."""
    season, feed = current_season(), bus.feed_state()
    market = market_shown(season, feed)
    instruments = list(selectors.instruments_of(market))
    return MarketsScene(
        season=season,
        feed=feed,
        instruments=instruments,
        days=days_of(market, [i.symbol for i in instruments], feed_time(feed)),
    )


def market_shown(season: Season | None, feed: Mapping[str, Any] | None) -> str | None:
    """Return the market whose pages are shown: the feed's, else the season's, else the last received."""
    return feed["market"] if feed else (season.market if season else selectors.last_fed_market())


def instrument_called(slug: str, instruments: Iterable[Instrument]) -> Instrument:
    """Return the instrument that addresses spell ``slug``.

    Raises:
        UnknownInstrument: the message names the known ones.
    """
    known = {slug_of(instrument.symbol): instrument for instrument in instruments}
    if slug not in known:
        with suppress(UnknownPairName):
            slug = slug_of(symbol_of(slug, [instrument.symbol for instrument in known.values()]))
    if slug not in known:
        raise UnknownInstrument(f"instrument is {slug!r}; expected one of {', '.join(known) or 'none yet'}")
    return known[slug]


def days_of(market: str | None, symbols: Sequence[str], now: datetime | None) -> dict[str, DayFigures]:
    """Return the last day of each symbol, a few seconds old at most."""
    compute = partial(day_figures, market, symbols, now or datetime.now(UTC))
    return cached(f"days:{market}", dict[str, DayFigures], compute, DAY_FOR_S)


def usd_per(currency: str, feed: Mapping[str, Any] | None, days: Mapping[str, DayFigures]) -> Decimal | None:
    """Return what one unit of ``currency`` is worth in USD, by its last trade; None while that is not known."""
    if currency == "USD":
        return Decimal(1)
    pair = f"{currency}/USD"
    quote = ((feed or {}).get("symbols") or {}).get(pair) or {}
    if quote.get("last") is not None:
        return Decimal(str(quote["last"]))
    return days[pair].close if pair in days else None


def freshness(scene: Scene, quote: Quote | None) -> Freshness:
    """Return how fresh an instrument's data is: amber when late, red when too old to trade on."""
    market = scene.market
    if quote is None:
        return Freshness(Tone.BAD, market.state if market.tone == Tone.BAD else "no data", market.detail)
    if market.tone == Tone.BAD:
        return Freshness(Tone.BAD, market.state, market.detail)
    if quote.status == "stale" or quote.bid is None or quote.ask is None:
        return Freshness(Tone.BAD, "stale", "Order book unknown: nothing is matched.")
    if market.tone == Tone.WARNING:
        return Freshness(Tone.WARNING, market.state, market.detail)
    if quote.age_s is None or quote.age_s > BOOK_STALE_S:
        return Freshness(Tone.WARNING, "quiet", f"Order book unchanged for more than {BOOK_STALE_S} s.")
    if quote.status != "online":
        return Freshness(Tone.WARNING, quote.status.replace("_", " "), "The exchange restricts order types.")
    detail = f"Receiving frames; amber after {FRAME_LATE_S} s without one, red after {FRAME_STALE_S} s."
    return Freshness(Tone.GOOD, "live", detail)


def line_of(scene: Scene, instrument: Instrument, quote: Quote | None, days: Mapping[str, DayFigures]) -> Listed:
    day = days.get(instrument.symbol)
    return Listed(instrument=instrument, quote=quote, day=day, freshness=freshness(scene, quote))
