"""Stretches of market to rehearse a strategy on: simulated, or from a recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from marketdata.recording.folders import files_in
from marketdata.recording.reading import recorded_frames
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.pairs import PAIRS
from marketdata.simulation.past import Past
from trading.book import BookTop
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES
from trading.frames import FRAME_DEPTH, FRAME_INTERVAL_MS, NS_PER_MS, NS_PER_S, Frame, History, Trade

SEED = 1
# Candles of every timeframe close in the middle of a stretch around midnight.
MIDNIGHT_NS = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * NS_PER_S
FRAME_NS = FRAME_INTERVAL_MS * NS_PER_MS
# Drawing books is most of the work.
OWN_BOOK_EVERY_FRAMES = 5
BOOK_EVERY_FRAMES = 20
SPARE_CANDLES = 20  # beyond the warm-up
LEAST_CANDLES = {"1m": 300, "5m": 300}
LEAST_CANDLES_ELSE = 120
PRINTED_MINUTES = 480  # candles as far back are made of prints; what is older of prices alone
_SAMPLES = 5  # prices a candle that is made of them


def newest_recording(root: Path) -> Path | None:
    """Return the newest file that a feed has recorded below ``root``; None when there is none."""
    return max(files_in(root), key=lambda path: path.name, default=None) if root.is_dir() else None


def recorded(path: Path, minutes: int) -> Iterator[Frame]:
    """Yield the first ``minutes`` of a recording.

    Raises:
        InvalidRecording: the file cannot be read.
    """
    until_ns: int | None = None
    for frame in recorded_frames(path):
        until_ns = until_ns or frame.time_ns + minutes * MINUTE_NS
        if frame.time_ns >= until_ns:
            return
        yield frame


def simulated(symbols: Sequence[str], minutes: int, warmup: Mapping[str, int]) -> Iterator[Frame]:
    """Yield frames of the simulated market around a midnight, with enough history for ``warmup``.

    The same words always give the same frames. All pairs are there; those named in ``symbols``
    have a longer past.
    """
    market = SimulatedMarket(SEED)
    begin_ns = MIDNIGHT_NS - minutes * MINUTE_NS // 2 // MINUTE_NS * MINUTE_NS
    shown: dict[str, BookTop] = {}
    prints = _prints(market, begin_ns, begin_ns + minutes * MINUTE_NS)
    for step in range(1, minutes * MINUTE_NS // FRAME_NS + 1):
        time_ns, is_first = begin_ns + step * FRAME_NS, step == 1
        is_turn, is_own_turn = is_first or step % BOOK_EVERY_FRAMES == 0, step % OWN_BOOK_EVERY_FRAMES == 0
        drawn = PAIRS if is_turn else symbols if is_own_turn else ()
        books = {symbol: market.book(symbol, time_ns, FRAME_DEPTH) for symbol in drawn}
        books = {symbol: book for symbol, book in books.items() if shown.get(symbol) != book}
        shown |= books
        yield Frame(
            sequence=time_ns // FRAME_NS,
            time_ns=time_ns,
            books=books,
            trades=tuple(prints.get(time_ns // FRAME_NS, ())),
            instruments=tuple(pair.instrument for pair in PAIRS.values()) if is_first else (),
            statuses=dict.fromkeys(PAIRS, "online") if is_first else {},
            system="online" if is_first else "",
            history=tuple(_history(market, symbols, warmup, begin_ns)) if is_first else (),
            is_keyframe=is_first,
        )


def _prints(market: SimulatedMarket, begin_ns: int, end_ns: int) -> dict[int, list[Trade]]:
    """Return the prints by the number of the frame that ends with them or after."""
    prints = [trade for symbol in PAIRS for trade in market.trades(symbol, begin_ns, end_ns)]
    frames: dict[int, list[Trade]] = {}
    for trade in sorted(prints, key=lambda trade: trade.time_ns):
        frames.setdefault(-(-trade.time_ns // FRAME_NS), []).append(trade)
    return frames


def _history(
    market: SimulatedMarket, symbols: Sequence[str], warmup: Mapping[str, int], end_ns: int
) -> Iterator[History]:
    for symbol in PAIRS:
        past = Past(market, symbol)
        for timeframe, width in TIMEFRAME_MINUTES.items():
            count = warmup.get(timeframe, 0) + SPARE_CANDLES
            if symbol in symbols:
                count = max(count, LEAST_CANDLES.get(timeframe, LEAST_CANDLES_ELSE))
            last = end_ns // (width * MINUTE_NS) * width  # the minute at which the newest whole candle ended
            printed = min(count, PRINTED_MINUTES // width)
            made = [
                _candle_of_prices(market, symbol, (last - at * width) * MINUTE_NS, width * MINUTE_NS)
                for at in range(count, printed, -1)
            ]
            exact = past.candles(last - printed * width, printed, width)
            rows = ((c.start_ns, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in exact)
            yield History(symbol, timeframe, (*made, *((*map(int, numbers),) for numbers in rows)))  # type: ignore[arg-type]


def _candle_of_prices(
    market: SimulatedMarket, symbol: str, start_ns: int, width_ns: int
) -> tuple[int, int, int, int, int, int, int]:
    pair = PAIRS[symbol]
    base, quote, scale = pair.instrument.base, pair.instrument.quote, 10**pair.instrument.price_decimals
    times = (start_ns + at * width_ns // (_SAMPLES - 1) for at in range(_SAMPLES))
    ticks = [round(market.prices.rate(base, quote, time_ns) * scale) for time_ns in times]
    trades = pair.trades_per_minute * width_ns // MINUTE_NS
    lots = int(trades * pair.trade_qty * 10**pair.instrument.qty_decimals)
    return start_ns, ticks[0], max(ticks), min(ticks), ticks[-1], lots, trades
