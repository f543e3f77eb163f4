"""Fetching history from the exchange into the database: OHLC as far as it reaches, public trades beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from marketdata import models
from marketdata.history.importing import roll_up_minutes
from marketdata.kraken.rest import KrakenRest
from marketdata.selectors import ticks_of
from marketdata.services import record_candles
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES, Candle
from trading.frames import utc
from trading.instruments import Instrument
from trading.minutes import CandleBuilder, ns_of

Progress = Callable[[float, str], None]  # share that is done, what is going on


@dataclass(slots=True)
class Backfilled:
    """What a backfill of one pair wrote."""

    new: int = 0  # candles that were not there
    trades: int = 0  # public trades that were read for them


def backfill(*, market: str, instrument: Instrument, rest: KrakenRest, since_ns: int, progress: Progress) -> Backfilled:
    """Write the closed candles from ``since_ns`` on that are not stored yet. Safe to repeat, and to interrupt.

    Raises:
        RestError: the exchange refused, or did not answer; what came before is written.
    """
    done = Backfilled()
    reached_ns = None
    for at, timeframe in enumerate(TIMEFRAME_MINUTES):
        progress(0.0, f"{timeframe} candles ({at + 1} of {len(TIMEFRAME_MINUTES)})")
        candles = rest.candles(instrument, timeframe)
        if timeframe == "1m" and candles:
            reached_ns = candles[0].start_ns
        wanted = [candle for candle in candles if candle.start_ns >= since_ns]
        done.new += record_candles(market=market, instrument=instrument, timeframe=timeframe, candles=wanted)
    first_ns = -(-since_ns // MINUTE_NS) * MINUTE_NS
    if reached_ns is not None and first_ns < reached_ns:
        for from_ns, until_ns in list(_holes(market, instrument, first_ns, reached_ns)):
            _fill(market, instrument, rest, (from_ns, until_ns), done, progress)
    done.new += roll_up_minutes(market=market, symbol=instrument.symbol)
    return done


def _holes(market: str, instrument: Instrument, from_ns: int, until_ns: int) -> Iterator[tuple[int, int]]:
    """Yield [from, until) of each stretch of minutes that are not stored."""
    minutes = models.Candle.objects.filter(market=market, symbol=instrument.symbol, timeframe="1m")
    stored = minutes.filter(start__gte=utc(from_ns), start__lt=utc(until_ns)).order_by("start")
    next_ns = from_ns
    for start in stored.values_list("start", flat=True).iterator(10_000):
        if ns_of(start) > next_ns:
            yield next_ns, ns_of(start)
        next_ns = ns_of(start) + MINUTE_NS
    if next_ns < until_ns:
        yield next_ns, until_ns


def _fill(
    market: str, instrument: Instrument, rest: KrakenRest, hole: tuple[int, int], done: Backfilled, progress: Progress
) -> None:
    """Build the minutes of a hole from public trades; what is complete is written page by page."""
    from_ns, until_ns = hole
    builder = _builder_at(market, instrument, from_ns)

    def write(candles: list[Candle]) -> None:
        done.new += record_candles(market=market, instrument=instrument, timeframe="1m", candles=candles)

    for page in rest.trades(instrument, from_ns - 1):
        inside = [trade for trade in page if from_ns <= trade.time_ns < until_ns]
        done.trades += len(inside)
        write([closed for t in inside for closed in builder.add(t.trade_id, t.time_ns, t.ticks, t.lots)[0]])
        reached_ns = page[-1].time_ns
        progress((reached_ns - from_ns) / (until_ns - from_ns), f"trades until {utc(reached_ns):%Y-%m-%d %H:%M}")
        if reached_ns >= until_ns:
            break
    write(builder.close_until(until_ns))


def _builder_at(market: str, instrument: Instrument, start_ns: int) -> CandleBuilder:
    """Return a builder that goes on from the minute before; where none is stored, from the first trade."""
    before = models.Candle.objects.filter(
        market=market, symbol=instrument.symbol, timeframe="1m", start=utc(start_ns - MINUTE_NS)
    ).first()
    if before is None:
        return CandleBuilder()
    return CandleBuilder(next_ns=start_ns, last_close=ticks_of(before.close, instrument))
