"""Everything a page shows at one moment, gathered once for every reader."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from dashboard.page.banner import MarketWords, market_words
from dashboard.page.cached import cached
from marketdata import bus, selectors
from portfolios.models import Fill, Season
from portfolios.selectors import current_season
from strategies.league.board import BOOK_STALE_S

DECIMALS_FOR_S = 60  # an instrument's decimals hardly ever change


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One symbol's line on the price strip."""

    symbol: str
    status: str
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    age_s: float | None  # of the book

    @property
    def slug(self) -> str:
        """The symbol as addresses spell it: BTC-USD."""
        return self.symbol.replace("/", "-")

    @property
    def mid(self) -> Decimal | None:
        """Halfway between bid and ask."""
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2

    @property
    def spread_bps(self) -> Decimal | None:
        """Ask less bid in basis points of the mid."""
        if self.bid is None or self.ask is None or not self.mid:
            return None
        return (self.ask - self.bid) / self.mid * 10_000

    @property
    def is_stale(self) -> bool:
        """True when the quote is too old to trade on."""
        return self.status == "stale" or self.bid is None or self.age_s is None or self.age_s > BOOK_STALE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What every page shows."""

    season: Season | None
    feed: Mapping[str, Any] | None

    def with_fresh_feed(self) -> Self:
        """Return the scene with the feed's present state and everything else unchanged."""
        return replace(self, feed=bus.feed_state())

    @property
    def market(self) -> MarketWords:
        """The banner's words."""
        return market_words(self.season, self.feed)

    @property
    def quotes(self) -> list[Quote]:
        """The price strip, in the feed's order."""
        symbols = self.feed["symbols"] if self.feed else {}
        return [quote_of(symbol, state) for symbol, state in symbols.items()]

    @property
    def price_decimals(self) -> Mapping[str, int]:
        """Decimals of a price, by symbol; a panel reads them once."""
        market = self.season.market if self.season else (self.feed or {}).get("market")
        return cached(
            f"price-decimals:{market}",
            dict[str, int],
            lambda: dict(selectors.instruments_of(market).values_list("symbol", "price_decimals")),
            DECIMALS_FOR_S,
        )

    @property
    def clock(self) -> datetime | None:
        """Market time, on a recording not the wall clock; None while unknown."""
        return feed_time(self.feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsScene(Scene, ABC):
    """A page whose newest fills are read on their own, so that a fill is shown before the rest is read again."""

    fills: list[Fill]  # newest first

    @abstractmethod
    def with_new_fills(self) -> Self:
        """Return the scene with the fills as they are now and everything else unchanged."""


def plain_scene() -> Scene:
    """Return what the banner needs."""
    return Scene(season=current_season(), feed=bus.feed_state())


def feed_time(feed: Mapping[str, Any] | None) -> datetime | None:
    """Return the feed's market time; None without a feed or before its first message."""
    text = feed.get("market_time") if feed else None
    return datetime.fromisoformat(text) if text else None


def quote_of(symbol: str, state: Mapping[str, Any]) -> Quote:
    return Quote(
        symbol=symbol,
        status=state["status"] or "unknown",
        last=_decimal(state["last"]),
        bid=_decimal(state["bid"]),
        ask=_decimal(state["ask"]),
        age_s=state["book_age_s"],
    )


def _decimal(number: Any) -> Decimal | None:
    return None if number is None else Decimal(str(number))
