"""Candles in the format of Kraken's `ohlc` channel.

A feed's own history takes the same format, so that it is received, recorded and replayed like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from marketdata.kraken import wire
from marketdata.kraken.answers import timestamp
from trading.candles import TIMEFRAME_MINUTES, Candle, counts
from trading.frames import CandleCounts, History
from trading.instruments import Instrument

_TIMEFRAMES = {minutes: timeframe for timeframe, minutes in TIMEFRAME_MINUTES.items()}


def snapshot_message(instrument: Instrument, timeframe: str, candles: Iterable[Candle]) -> bytes:
    """Return candles of ticks and lots as a snapshot of the `ohlc` channel."""
    interval = TIMEFRAME_MINUTES[timeframe]

    def row(numbers: CandleCounts) -> str:
        start_ns, *prices, volume, trades = numbers
        open_, high, low, close = (f"{instrument.price(price):f}" for price in prices)
        return (
            f'{{"symbol":"{instrument.symbol}","open":{open_},"high":{high},"low":{low},"close":{close},'
            f'"trades":{trades},"volume":{instrument.qty(volume):f},'
            f'"interval_begin":"{timestamp(start_ns)}","interval":{interval}}}'
        )

    rows = ",".join(row(counts(candle)) for candle in candles)
    return f'{{"channel":"ohlc","type":"snapshot","data":[{rows}]}}'.encode()


def histories(rows: Iterable[wire.CandleData], instruments: Mapping[str, Instrument]) -> list[History]:
    """Return the candles of each symbol and timeframe; intervals that we keep no series of are left out.

    Raises:
        ValueError: an unknown symbol, or a number that is none.
    """
    found: dict[tuple[str, str], list[CandleCounts]] = {}
    for row in rows:
        instrument = instruments.get(row.symbol)
        if instrument is None:
            raise ValueError(f"candles of {row.symbol!r}, of which no instrument is known")
        timeframe = _TIMEFRAMES.get(row.interval)
        if timeframe is not None:
            found.setdefault((row.symbol, timeframe), []).append(_row(row, instrument))
    return [History(symbol, timeframe, tuple(candles)) for (symbol, timeframe), candles in found.items()]


def _row(row: wire.CandleData, instrument: Instrument) -> CandleCounts:
    start_ns = wire.nanoseconds(row.interval_begin)
    if start_ns % (row.interval * 60 * 10**9):
        raise ValueError(f"{row.symbol} candle begins at {row.interval_begin}; expected a multiple of {row.interval} m")
    texts = (bytes(row.open), bytes(row.high), bytes(row.low), bytes(row.close))
    open_, high, low, close = (wire.counted_units(text, instrument.price_decimals) for text in texts)
    if not 0 < low <= min(open_, close) <= max(open_, close) <= high:
        prices = b", ".join(texts).decode("ascii", "backslashreplace")
        raise ValueError(f"{row.symbol} candle is {prices}; expected 0 < low <= open and close <= high")
    return start_ns, open_, high, low, close, wire.counted_units(bytes(row.volume), instrument.qty_decimals), row.trades
