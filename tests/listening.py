"""A market that is heard: instruments as rows, frames on the bus, candles in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache

from dashboard.markets import watch
from marketdata import bus
from marketdata.models import Candle, Instrument
from tests.drawing import Scene, instrument
from tests.rows import MARKET, NOON
from trading.frames import Frame

PAIR = instrument("BTC/USD", price_decimals=1, qty_decimals=4)


def forget_all() -> None:
    """Leave nothing of an earlier market: neither frames nor what was folded or computed of them."""
    bus.redis_client().flushdb()
    cache.clear()
    watch._watches.clear()


def list_pair(symbol: str = "BTC/USD", market: str = MARKET, **changes: Any) -> Instrument:
    """Write an instrument's row."""
    base, quote = symbol.split("/")
    rules: dict[str, Any] = {
        "base": base,
        "quote": quote,
        "price_decimals": 1,
        "qty_decimals": 4,
        "price_increment": Decimal("0.1"),
        "qty_increment": Decimal("0.0001"),
        "qty_min": Decimal("0.0001"),
        "cost_min": Decimal("0.5"),
        "status": "online",
    }
    return Instrument.objects.create(market=market, symbol=symbol, **{**rules, **changes})


def store(closes: Iterable[float], *, timeframe: str = "1m", end: datetime = NOON, symbol: str = "BTC/USD") -> None:
    """Store candles that end at ``end``, oldest first; a close of zero leaves its candle out."""
    width = {"1m": timedelta(minutes=1), "5m": timedelta(minutes=5), "1h": timedelta(hours=1)}[timeframe]
    known = list(closes)
    Candle.objects.bulk_create(
        Candle(
            market=MARKET,
            symbol=symbol,
            timeframe=timeframe,
            start=end - (len(known) - at) * width,
            open=Decimal(str(close)),
            high=Decimal(str(close + 1)),
            low=Decimal(str(close - 1)),
            close=Decimal(str(close)),
            volume=Decimal(2),
            trades=3,
        )
        for at, close in enumerate(known)
        if close
    )


class ReceivedMarket(Scene):
    """A drawn market that is published as it is drawn."""

    def __init__(self, market: str = MARKET) -> None:
        super().__init__(PAIR)
        self.name = market
        bus.announce_market(market)

    def tell(self, *args: object, **changes: object) -> Frame:
        """Draw the next frame and publish it."""
        frame, _ = self.show(*args, **changes)
        bus.publish(self.name, [frame])
        return frame

    def wait(self, seconds: int) -> None:
        """Let time pass in which nobody trades."""
        bus.publish(self.name, [self.show()[0] for _ in range(10 * seconds)])
