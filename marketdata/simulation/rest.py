"""The simulated exchange's REST side: public questions answered in Kraken's words. No socket and no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from marketdata.kraken.symbols import altname_of, wsname_of
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.messages import number
from marketdata.simulation.past import Past
from marketdata.simulation.prints import PrintMaker
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES, Candle
from trading.frames import NS_PER_S, utc
from trading.instruments import Instrument

MAX_CANDLES = 720  # closed ones in one answer
REACH_MINUTES = 14_400  # ten days: as far as candles are computed, whatever their length
LISTED_NS = 1_577_836_800 * NS_PER_S  # 2020-01-01: trades since 0 begin here
TRADES_A_PAGE = 1_000
_DEEPEST = 500

_UNKNOWN_PAIR = "EQuery:Unknown asset pair"
_UNKNOWN_METHOD = "EGeneral:Unknown method"
_INVALID = "EGeneral:Invalid arguments:{}"
_encoder = msgspec.json.Encoder()


class _Refused(Exception):
    """Kraken's words for what cannot be answered."""


class RestSide:
    """Answers what ``market`` was like at any time. Its answers agree with what the socket sent."""

    def __init__(self, market: SimulatedMarket) -> None:
        self._market = market
        self._pasts = {symbol: Past(market, symbol) for symbol in market.pairs}
        self._prints = {s: PrintMaker(pair, market.prices, market.seed) for s, pair in market.pairs.items()}
        self._names = {name: symbol for symbol in market.pairs for name in (symbol, altname_of(symbol))}

    def answer(self, endpoint: str, about: Mapping[str, str], now_ns: int) -> bytes:
        """Return the answer to ``/0/public/ENDPOINT`` as of ``now_ns``; what cannot be answered is an error."""
        try:
            match endpoint:
                case "Time":
                    result: dict[str, Any] = {
                        "unixtime": now_ns // NS_PER_S,
                        "rfc1123": f"{utc(now_ns):%a, %d %b %y %T}",
                    }
                case "SystemStatus":
                    result = {"status": "online", "timestamp": f"{utc(now_ns):%Y-%m-%dT%H:%M:%SZ}"}
                case "AssetPairs":
                    result = {altname_of(s): _pair(pair.instrument) for s, pair in self._market.pairs.items()}
                case "OHLC":
                    result = self._ohlc(about, now_ns)
                case "Trades":
                    result = self._trades(about, now_ns)
                case "Depth":
                    result = self._depth(about, now_ns)
                case _:
                    raise _Refused(_UNKNOWN_METHOD)
        except _Refused as refusal:
            return _encoder.encode({"error": [str(refusal)]})
        return _encoder.encode({"error": [], "result": result})

    def _symbol(self, about: Mapping[str, str]) -> str:
        symbol = self._names.get(about.get("pair", ""))
        if symbol is None:
            raise _Refused(_UNKNOWN_PAIR)
        return symbol

    def _ohlc(self, about: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        symbol, width = self._symbol(about), _whole(about, "interval", 1)
        if width not in TIMEFRAME_MINUTES.values():
            raise _Refused(_INVALID.format("interval"))
        instrument, past = self._market.pairs[symbol].instrument, self._pasts[symbol]
        forming_ns = now_ns // (width * MINUTE_NS) * width * MINUTE_NS
        count = min(MAX_CANDLES, REACH_MINUTES // width)
        candles = past.candles(forming_ns // MINUTE_NS - count * width, count, width)
        forming = past.forming(forming_ns, now_ns)
        known = [*candles, forming] if forming is not None else candles
        since_ns = _whole(about, "since", 0) * NS_PER_S
        rows = [_candle_row(candle, instrument) for candle in known if candle.start_ns > since_ns]
        return {altname_of(symbol): rows, "last": forming_ns // NS_PER_S - width * 60}

    def _trades(self, about: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        symbol, count = self._symbol(about), min(TRADES_A_PAGE, max(1, _whole(about, "count", TRADES_A_PAGE)))
        pair, name = self._market.pairs[symbol], altname_of(symbol)
        since_ns = max(LISTED_NS, _whole(about, "since", now_ns - MINUTE_NS))
        if since_ns >= now_ns:
            return {name: [], "last": str(since_ns)}
        first = since_ns // MINUTE_NS
        minutes = min(count // pair.trades_per_minute + 2, now_ns // MINUTE_NS - first + 1)
        prints = zip(*(column.tolist() for column in self._prints[symbol].of_minutes(first, minutes)), strict=True)
        # From since on, itself included: a border between two prints of one time loses none.
        page = [p for p in prints if since_ns <= p[1] <= now_ns][:count]
        rows = [_trade_row(print_, pair.instrument) for print_ in page]
        return {name: rows, "last": str(page[-1][1] if page else since_ns)}

    def _depth(self, about: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        symbol, count = self._symbol(about), _whole(about, "count", 100)
        if not 1 <= count <= _DEEPEST:
            raise _Refused(_INVALID.format("count"))
        instrument, book = self._market.pairs[symbol].instrument, self._market.book(symbol, now_ns, count)
        sides = {
            side: [
                [number(ticks, instrument.price_decimals), number(lots, instrument.qty_decimals), now_ns // NS_PER_S]
                for ticks, lots in levels
            ]
            for side, levels in (("asks", book.asks), ("bids", book.bids))
        }
        return {altname_of(symbol): sides}


def _whole(about: Mapping[str, str], name: str, default: int) -> int:
    text = about.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise _Refused(_INVALID.format(name))
    return int(text)


def _candle_row(c: Candle, i: Instrument) -> list[Any]:
    open_, high, low, close = (number(int(p), i.price_decimals) for p in (c.open, c.high, c.low, c.close))
    return [c.start_ns // NS_PER_S, open_, high, low, close, "0.0", number(int(c.volume), i.qty_decimals), c.trades]


def _trade_row(print_: tuple[Any, ...], i: Instrument) -> list[Any]:
    trade_id, time_ns, is_buy, ticks, lots = print_
    price, qty = number(ticks, i.price_decimals), number(lots, i.qty_decimals)
    # Exact: as a float a time of today has no nanoseconds.
    time_s = msgspec.Raw(f"{time_ns // NS_PER_S}.{time_ns % NS_PER_S:09d}".encode())
    return [price, qty, time_s, "b" if is_buy else "s", "m" if trade_id % 3 else "l", "", trade_id]


def _pair(i: Instrument) -> dict[str, Any]:
    return {
        "altname": altname_of(i.symbol),
        "wsname": wsname_of(i.symbol),
        "pair_decimals": i.price_decimals,
        "lot_decimals": i.qty_decimals,
        "ordermin": f"{i.qty(i.qty_min_lots):f}",
        "costmin": f"{i.cost_min:f}",
        "tick_size": f"{i.price(i.price_increment_ticks):f}",
        "status": i.status,
        "fees": [],
        "fees_maker": [],
    }
