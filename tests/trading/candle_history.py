"""Candles of history and the frames that bring them, drawn."""

from __future__ import annotations

from tests.drawing import draw_trades, instrument
from trading.candles import TIMEFRAME_MINUTES, Candle
from trading.frames import Frame, History
from trading.market import Market

XRP = "XRP/USD"


def frame(at_ns: int, trades: str = "", **changes: object) -> Frame:
    first = {"instruments": (instrument(),)} if changes.pop("is_first", False) else {}
    first_id = at_ns // 1_000_000_000 * 10  # later prints have higher ids
    prints = draw_trades(trades, first_id=first_id, time_ns=at_ns - 1) if trades else ()
    return Frame(sequence=at_ns // 100_000_000, time_ns=at_ns, trades=prints, **first, **changes)


def piece(timeframe: str, *candles: Candle) -> History:
    rows = tuple((c.start_ns, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in candles)
    return History(XRP, timeframe, rows)


def flat(start_ns: int, price: int = 100, volume: int = 1) -> Candle:
    return Candle(start_ns, price, price, price, price, volume, 1)


def series_of(market: Market) -> dict[str, list[tuple]]:
    snapshot = market.snapshot()
    found = {timeframe: snapshot.candles(XRP, timeframe) for timeframe in TIMEFRAME_MINUTES}
    return {timeframe: [series.version, *series] for timeframe, series in found.items()}
