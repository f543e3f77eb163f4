"""The `trade` channel read print by print: what cannot be, or cannot be now, is left out and named."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from marketdata.kraken import wire
from marketdata.kraken.events import BadFrame, MarketEvent
from trading.book import Side
from trading.frames import NS_PER_S, Trade
from trading.instruments import Instrument

AHEAD_NS = 15 * NS_PER_S  # of the exchange's present as we know it: a time further ahead is none
BEHIND_NS = 15 * 60 * NS_PER_S  # a print that came as news was made no longer ago
OLDEST_NS = 366 * 86_400 * NS_PER_S  # of a snapshot, or of REST
UPDATE = "update"
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_EXCERPT_LENGTH = 120


class Implausible(ValueError):
    """A print that says what cannot be."""


def read_trades(
    message: wire.TradeMessage, instruments: Mapping[str, Instrument], now_ns: int | None
) -> tuple[list[Trade], list[MarketEvent]]:
    """Return a message's prints in the order of their ids, and an event for each that was left out.

    ``now_ns`` is the exchange's present, None where it is not known: then a print may have any time.
    """
    trades: list[Trade] = []
    refused: list[MarketEvent] = []
    oldest_ns = BEHIND_NS if message.type == UPDATE else OLDEST_NS
    for raw in message.data:
        symbol = ""
        try:
            data = wire.print_decoder.decode(raw)
            symbol = data.symbol if data.symbol in instruments else ""
            trade = _trade(data, instruments)
            if now_ns is not None:
                _check_time(trade, now_ns, oldest_ns)
            trades.append(trade)
        except (msgspec.MsgspecError, ValueError) as error:
            refused.append(BadFrame(printable(str(error)), excerpt_of(bytes(raw)), symbol))
    trades.sort(key=lambda trade: trade.trade_id)
    return trades, refused


def _trade(data: wire.TradeData, instruments: Mapping[str, Instrument]) -> Trade:
    instrument = instruments.get(data.symbol)
    side = _SIDES.get(data.side)
    if instrument is None:
        raise Implausible(f"trade in {data.symbol!r}, of which no instrument is known")
    if side is None:
        raise Implausible(f"side is {data.side!r}; expected buy or sell")
    ticks = wire.exact_units(bytes(data.price), instrument.price_decimals)
    lots = wire.exact_units(bytes(data.qty), instrument.qty_decimals)
    if not (ticks and lots):
        raise Implausible(f"trade in {data.symbol} of {lots} lots at {ticks} ticks; expected 1 or more")
    return Trade(instrument.symbol, data.trade_id, side, ticks, lots, wire.nanoseconds(data.timestamp))


def _check_time(trade: Trade, now_ns: int, oldest_ns: int) -> None:
    """Raise Implausible for a print that was not made yet, or longer ago than ``oldest_ns``."""
    ahead_ns = trade.time_ns - now_ns
    if ahead_ns > AHEAD_NS:
        limit_s = AHEAD_NS // NS_PER_S
        raise Implausible(
            f"trade in {trade.symbol} is {ahead_ns // NS_PER_S} s from the future; expected at most {limit_s} s"
        )
    if -ahead_ns > oldest_ns:
        raise Implausible(
            f"trade in {trade.symbol} is {-ahead_ns // NS_PER_S} s old; expected at most {oldest_ns // NS_PER_S} s"
        )


def excerpt_of(frame: bytes) -> str:
    """Return the beginning of a message as text that can be stored and shown, whatever its bytes."""
    return printable(frame[:_EXCERPT_LENGTH].decode("ascii", "backslashreplace"))


def printable(text: str) -> str:
    """Return a text in which every letter can be shown."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
