"""Kraken's REST answers made exact: bytes in, facts out. No socket and no clock."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Raw

from marketdata.kraken import wire
from marketdata.kraken.symbols import symbol_of_wsname
from trading.book import BookTop, Level, Side
from trading.candles import Candle, counted
from trading.frames import NS_PER_S, Trade
from trading.instruments import Instrument

_SIDES = {"b": Side.BUY, "s": Side.SELL}
_RETRYABLE = ("EGeneral:Too many requests", "EGeneral:Internal error", "EAPI:Rate limit exceeded", "EService:")
_NANOSECOND_DIGITS = 9
_EXCERPT_LENGTH = 80
LATEST_NS = 2**33 * NS_PER_S  # the year 2242

_log = logging.getLogger("feed")

_T = TypeVar("_T")
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**33)]


class BadAnswer(ValueError):
    """Bytes that are not the answer which the endpoint gives."""


class ExchangeError(ValueError):
    """The exchange answered with an error of its own; the text is the exchange's."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.is_temporary = any(word.startswith(_RETRYABLE) for word in words.split("; "))


class SystemStatus(msgspec.Struct, frozen=True):
    """The exchange's own status: online, maintenance, cancel_only or post_only."""

    status: str
    timestamp: str = ""


class PairName(msgspec.Struct, frozen=True):
    """A pair's rules, and its names in the REST world."""

    instrument: Instrument
    altname: str  # XBTUSD
    rest_id: str  # XXBTZUSD


class TradePage(msgspec.Struct, frozen=True):
    """A page of public prints, oldest first; ``last`` is the parameter of the next."""

    trades: list[Trade]
    last: str  # ns since the epoch, as text


class _Answer(msgspec.Struct):
    error: list[str]
    result: Raw = Raw(b"{}")


class _Pair(msgspec.Struct):
    altname: str
    wsname: str
    pair_decimals: Annotated[int, msgspec.Meta(ge=0, le=wire.MAX_DECIMALS)]
    lot_decimals: Annotated[int, msgspec.Meta(ge=0, le=wire.MAX_DECIMALS)]
    ordermin: str = "0"
    costmin: str = "0"
    tick_size: str = ""
    status: str = "online"


# time, open, high, low, close, vwap, volume, count: everything but times and counts is text, and stays so.
_CandleRow = tuple[Seconds, str, str, str, str, str, str, Count]
# price, volume, time, side, order type, misc, trade id
_TradeRow = tuple[str, str, Raw, Literal["b", "s"], str, str, wire.Id]
_LevelRow = tuple[str, str, Raw]


class _Time(msgspec.Struct):
    unixtime: Seconds


class _Depth(msgspec.Struct):
    asks: list[_LevelRow]
    bids: list[_LevelRow]


def result_of(body: bytes) -> bytes:
    """Return the ``result`` of an answer.

    Raises:
        ExchangeError: the exchange names an error; warnings are none.
        BadAnswer: not an answer, as when a proxy sends HTML.
    """
    answer = _decoded(body, _Answer)
    errors = [word for word in answer.error if not word.startswith("W")]
    if errors:
        raise ExchangeError("; ".join(errors))
    return bytes(answer.result)


def read_status(result: bytes) -> SystemStatus:
    """Return SystemStatus."""
    return _decoded(result, SystemStatus)


def read_time(result: bytes) -> int:
    """Return Time, the exchange's present, in ns since the epoch."""
    return _decoded(result, _Time).unixtime * NS_PER_S


def read_status_time(result: bytes) -> int:
    """Return when SystemStatus was answered, by the exchange's clock, in ns since the epoch."""
    return wire.nanoseconds(_decoded(result, SystemStatus).timestamp)


def read_pairs(result: bytes) -> list[PairName]:
    """Return AssetPairs; a pair that cannot be read (dark pools have no ``wsname``) is left out."""
    pairs = []
    for rest_id, raw in _decoded(result, dict[str, Raw]).items():
        try:
            pairs.append(_pair_name(rest_id, msgspec.json.decode(raw, type=_Pair)))
        except (msgspec.MsgspecError, ValueError, ArithmeticError):
            continue
    return pairs


def read_candles(result: bytes, instrument: Instrument) -> list[Candle]:
    """Return the closed candles of OHLC in ticks and lots, oldest first; the forming one is left out.

    The answer's ``last`` is the beginning of the newest closed candle.
    """
    rows, last = _only_pair(result, list[_CandleRow])
    newest_s = _decoded(last, Seconds)
    return [_candle(row, instrument) for row in rows if row[0] <= newest_s]


def read_trades(result: bytes, instrument: Instrument) -> TradePage:
    """Return one page of Trades in the order of their ids; a row that is no print is left out."""
    rows, last = _only_pair(result, list[Raw])
    trades = []
    for raw in rows:
        try:
            trades.append(_trade(msgspec.json.decode(raw, type=_TradeRow), instrument))
        except (msgspec.MsgspecError, ValueError) as error:
            _log.warning("a row of %s's trades is left out: %s", instrument.symbol, error)
    trades.sort(key=lambda trade: trade.trade_id)
    return TradePage(trades, last.strip(b'"').decode("ascii", "replace"))


def read_depth(result: bytes, instrument: Instrument) -> BookTop:
    """Return Depth, best first on both sides."""
    depth, _ = _only_pair(result, _Depth)
    sides = [[Level(*_units(level, instrument)) for level in side] for side in (depth.bids, depth.asks)]
    return BookTop(tuple(sides[0]), tuple(sides[1]))


def _decoded(data: bytes | Raw, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        excerpt = bytes(data)[:_EXCERPT_LENGTH].decode("ascii", "backslashreplace")
        raise BadAnswer(f"{error}; got {excerpt!r}") from None


def _only_pair(result: bytes, kind: type[_T]) -> tuple[_T, bytes]:
    """Return what stands under the only key that is not ``last``: its spelling is the exchange's choice."""
    things: dict[str, Raw] = _decoded(result, dict[str, Raw])
    last = bytes(things.pop("last", Raw(b"0")))
    if len(things) != 1:
        raise BadAnswer(f"result has the keys {sorted(things)}; expected one pair beside `last`")
    return _decoded(next(iter(things.values())), kind), last


def _pair_name(rest_id: str, pair: _Pair) -> PairName:
    symbol = symbol_of_wsname(pair.wsname)
    base, _, quote = symbol.partition("/")
    tick = pair.tick_size or f"1e-{pair.pair_decimals}"
    instrument = Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_decimals=pair.pair_decimals,
        qty_decimals=pair.lot_decimals,
        price_increment_ticks=max(1, wire.exact_units(tick.encode(), pair.pair_decimals)),
        qty_min_lots=wire.exact_units(pair.ordermin.encode(), pair.lot_decimals),
        cost_min=Decimal(pair.costmin),
        status=pair.status,
    )
    return PairName(instrument, pair.altname, rest_id)


def _candle(row: _CandleRow, instrument: Instrument) -> Candle:
    start_s, *prices, _vwap, volume, count = row
    open_, high, low, close = (wire.counted_units(str(p).encode(), instrument.price_decimals) for p in prices)
    if not 0 < low <= min(open_, close) <= max(open_, close) <= high:
        raise BadAnswer(f"{instrument.symbol} candle at {start_s} is {row}; expected 0 < low <= open, close <= high")
    lots = wire.counted_units(volume.encode(), instrument.qty_decimals)
    return counted((start_s * NS_PER_S, open_, high, low, close, lots, count))


def _trade(row: _TradeRow, instrument: Instrument) -> Trade:
    price, qty, time_s, side, _order_type, _misc, trade_id = row
    ticks, lots = _units((price, qty, time_s), instrument)
    time_ns = wire.exact_units(_cut(bytes(time_s)), _NANOSECOND_DIGITS)
    if not (ticks and lots) or time_ns > LATEST_NS:
        raise BadAnswer(f"trade {trade_id} is of {lots} lots at {ticks} ticks and {time_ns} ns; expected 1 or more")
    return Trade(instrument.symbol, trade_id, _SIDES[side], ticks, lots, time_ns)


def _cut(seconds: bytes) -> bytes:
    """Return seconds with nine digits behind the dot at most."""
    whole, dot, fraction = seconds.partition(b".")
    return whole + dot + fraction[:_NANOSECOND_DIGITS]


def _units(row: _LevelRow, instrument: Instrument) -> tuple[int, int]:
    price, qty, _ = row
    ticks = wire.exact_units(price.encode(), instrument.price_decimals)
    return ticks, wire.exact_units(qty.encode(), instrument.qty_decimals)
