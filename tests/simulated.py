"""The simulated market in long strides, and the library's strategies ready to trade on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.past import Past
from strategies.versions import registry
from tests.marketdata.virtual_exchange import CoarseMarket
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES
from trading.engine import Engine, Terms
from trading.frames import NS_PER_S, Frame, History

BEGIN_NS = 1_783_425_600 * NS_PER_S
FRAME_NS = NS_PER_S // 10
PAST_CANDLES = {"1m": 120, "5m": 320, "15m": 60, "1h": 40, "4h": 10, "1d": 3}
# Numbers at which a calm day is long enough to trade in; who is not named trades with the usual ones.
LIVELY: dict[str, dict[str, Any]] = {
    "mean_reversion": {"deviation_pct": 0.05, "rsi_oversold": 48, "rsi_overbought": 52, "band_tolerance_pct": 1},
    "market_making": {"checks_fees": False, "min_spread_pct": 0.1},
    "wavetrend": {"needs_zone_exit": False, "least_confidence": 0.5},
    "whale_sentiment": {"fear_pct": -0.3, "greed_pct": 0.3, "confidence": {"least": 0.4}},
}


def simulated_frames(count: int, *, every_s: int, seed: int = 1) -> list[Frame]:
    """Return frames so many seconds apart, with what was printed since the one before; the first brings the past."""
    market, stride_ns = CoarseMarket(seed), every_s * NS_PER_S
    return [_frame(market, BEGIN_NS + at * stride_ns, stride_ns, is_first=at == 0) for at in range(count)]


def engine_of(name: str) -> Engine:
    """Return a strategy of the library with an account that can trade all its symbols."""
    found = registry.strategy(name)
    assets = {"BTC": Decimal("0.001")} if "XRP/BTC" in found.symbols else {}
    terms = Terms(slug=name, symbols=found.symbols, stake=Decimal(200), assets=assets)
    return Engine(found, found.config(LIVELY.get(name, {})), terms)


def _frame(market: SimulatedMarket, now_ns: int, stride_ns: int, *, is_first: bool) -> Frame:
    symbols = market.pairs
    return Frame(
        sequence=now_ns // FRAME_NS,
        time_ns=now_ns,
        books={symbol: market.book(symbol, now_ns, 10) for symbol in symbols},
        trades=tuple(trade for symbol in symbols for trade in market.trades(symbol, now_ns - stride_ns, now_ns)),
        instruments=tuple(pair.instrument for pair in symbols.values()) if is_first else (),
        statuses=dict.fromkeys(symbols, "online") if is_first else {},
        system="online" if is_first else "",
        history=tuple(piece for symbol in symbols for piece in _past(market, symbol)) if is_first else (),
        is_keyframe=is_first,
    )


def _past(market: SimulatedMarket, symbol: str) -> list[History]:
    """Return the candles that ended when the first frame begins."""
    reported, begin = Past(market, symbol), BEGIN_NS // MINUTE_NS
    pieces = []
    for timeframe, count in PAST_CANDLES.items():
        width = TIMEFRAME_MINUTES[timeframe]
        candles = reported.candles(begin // width * width - count * width, count, width)
        rows = tuple((c.start_ns, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in candles)
        pieces.append(History(symbol, timeframe, rows))
    return pieces
