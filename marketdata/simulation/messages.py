"""The simulated market in Kraken's format: every number at its full declared precision."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from marketdata.kraken.answers import timestamp
from marketdata.simulation.chance import mixed
from marketdata.simulation.market import DayFigures
from marketdata.simulation.pairs import Pair
from trading.book import BookTop, Level, Side
from trading.frames import Trade
from trading.instruments import Instrument

_CHECKSUM_LEVELS = 10


def instrument_message(kind: str, instruments: Iterable[Instrument]) -> bytes:
    """Return an `instrument` snapshot or update; as on Kraken its small numbers have exponents."""
    listed = list(instruments)
    assets = sorted({asset for i in listed for asset in (i.base, i.quote)})
    rows = ",".join(
        f'{{"id":"{asset}","status":"enabled","precision":10,"precision_display":5,"borrowable":true,'
        f'"collateral_value":1.00,"margin_rate":0.020000,"multiplier":1}}'
        for asset in assets
    )
    pairs_text = ",".join(_pair(instrument) for instrument in listed)
    return f'{{"channel":"instrument","type":"{kind}","data":{{"assets":[{rows}],"pairs":[{pairs_text}]}}}}'.encode()


def _pair(i: Instrument) -> str:
    return (
        f'{{"symbol":"{i.symbol}","base":"{i.base}","quote":"{i.quote}","status":"{i.status}",'
        f'"qty_precision":{i.qty_decimals},"qty_increment":{_unit(i.qty_decimals)},'
        f'"price_precision":{i.price_decimals},"cost_precision":{i.price_decimals + 4},'
        f'"marginable":true,"has_index":true,"cost_min":{float(i.cost_min)!r},'
        f'"tick_size":{_unit(i.price_decimals)},"price_increment":{_unit(i.price_decimals)},'
        f'"qty_min":{float(i.qty(i.qty_min_lots))!r}}}'
    )


def _unit(decimals: int) -> str:
    return repr(10.0**-decimals)


def book_snapshot(instrument: Instrument, book: BookTop, time_ns: int) -> bytes:
    """Return a book whole."""
    return _book("snapshot", instrument, book.bids, book.asks, book, time_ns)


def book_update(instrument: Instrument, before: BookTop, after: BookTop, time_ns: int) -> bytes | None:
    """Return what makes ``after`` of ``before``, None when that is nothing.

    As on Kraken no deletion is sent for a level that merely slid below the depth.
    """
    if before == after:
        return None
    bids = _changes(before.bids, after.bids, Side.BUY)
    asks = _changes(before.asks, after.asks, Side.SELL)
    if not bids and not asks:
        return None
    return _book("update", instrument, bids, asks, after, time_ns)


def _changes(before: tuple[Level, ...], after: tuple[Level, ...], side: Side) -> list[Level]:
    now, then = dict(after), dict(before)
    worst = after[-1].ticks
    is_full = len(after) >= len(before)
    changes = [
        Level(ticks, 0)
        for ticks in then
        if ticks not in now and not (is_full and (ticks < worst if side is Side.BUY else ticks > worst))
    ]
    changes += [level for level in after if then.get(level.ticks) != level.lots]
    # Unordered, as Kraken sends them; by a hash, so that the same change always reads the same.
    return sorted(changes, key=lambda level: mixed(level.ticks, level.lots))


def _book(
    kind: str, i: Instrument, bids: Iterable[Level], asks: Iterable[Level], whole: BookTop, time_ns: int
) -> bytes:
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{i.symbol}","bids":[{_levels(i, bids)}],'
        f'"asks":[{_levels(i, asks)}],"checksum":{checksum(i, whole)},"timestamp":"{timestamp(time_ns)}"}}]}}'
    ).encode()


def _levels(i: Instrument, levels: Iterable[Level]) -> str:
    return ",".join(
        f'{{"price":{number(level.ticks, i.price_decimals)},"qty":{number(level.lots, i.qty_decimals)}}}'
        for level in levels
    )


def checksum(i: Instrument, book: BookTop) -> int:
    """Return the checksum by Kraken's own recipe: the texts without dot and leading zeros."""
    texts = [
        number(units, decimals).replace(".", "").lstrip("0")
        for levels in (book.asks, book.bids)
        for level in levels[:_CHECKSUM_LEVELS]
        for units, decimals in ((level.ticks, i.price_decimals), (level.lots, i.qty_decimals))
    ]
    return crc32("".join(texts).encode())


def trades(kind: str, instrument: Instrument, prints: Iterable[Trade]) -> bytes:
    """Return a `trade` snapshot or update."""
    rows = ",".join(
        f'{{"symbol":"{t.symbol}","side":"{t.side.value}","price":{number(t.ticks, instrument.price_decimals)},'
        f'"qty":{number(t.lots, instrument.qty_decimals)},"ord_type":"{"market" if t.trade_id % 3 else "limit"}",'
        f'"trade_id":{t.trade_id},"timestamp":"{timestamp(t.time_ns)}"}}'
        for t in prints
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'.encode()


def ticker(kind: str, pair: Pair, book: BookTop, last_ticks: int, day: DayFigures, time_ns: int) -> bytes:
    """Return a `ticker` snapshot or update."""
    i = pair.instrument
    bid, ask = book.bids[0], book.asks[0]
    last = i.price_float(last_ticks)
    figures = {
        "bid": number(bid.ticks, i.price_decimals),
        "bid_qty": number(bid.lots, i.qty_decimals),
        "ask": number(ask.ticks, i.price_decimals),
        "ask_qty": number(ask.lots, i.qty_decimals),
        "last": number(last_ticks, i.price_decimals),
        "volume": f"{day.volume:.{i.qty_decimals}f}",
        "vwap": f"{day.vwap:.{i.price_decimals}f}",
        "low": f"{min(day.low, last):.{i.price_decimals}f}",
        "high": f"{max(day.high, last):.{i.price_decimals}f}",
        "change": f"{last - day.open:.{i.price_decimals}f}",
        "change_pct": f"{(last / day.open - 1) * 100:.2f}",
        "trades": str(pair.trades_per_minute * 1_440),
    }
    text = ",".join(f'"{name}":{value}' for name, value in figures.items())
    return (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{i.symbol}",{text},'
        f'"timestamp":"{timestamp(time_ns)}"}}]}}'
    ).encode()


def number(units: int, decimals: int) -> str:
    """Return whole units as the decimal number that they are."""
    digits = f"{units:0{decimals + 1}d}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
