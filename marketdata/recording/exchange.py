"""An exchange that stands in for the one that was recorded: it grants what the recording holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from marketdata.kraken import answers, wire

_log = logging.getLogger("feed")

SIDECAR = "assetpairs.json"  # REST AssetPairs, beside the recording
_OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # REST and v1 spell these otherwise than v2
_raw_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Survey:
    """What a recording holds, found by reading it once."""

    symbols: dict[str, None] = field(default_factory=dict)  # in the order of their first message
    depths: dict[str, int] = field(default_factory=dict)
    price_decimals: dict[str, int] = field(default_factory=dict)
    qty_decimals: dict[str, int] = field(default_factory=dict)
    has_status: bool = False
    first_ns: int = 0
    messages: int = 0
    instruments: bytes = b""  # the exchange's own message about its pairs, or one inferred


def survey(messages: Iterable[tuple[int, bytes]], path: Path) -> Survey:
    """Read a recording and find what must be known before it can be played.

    Its instruments are its own if it has any; else those of the sidecar file; what that
    lacks is inferred from the digits in the recording, with a warning.
    """
    found = Survey()
    for time_ns, message in messages:
        found.first_ns = found.first_ns or time_ns
        found.messages += 1
        try:
            _survey_message(message, found)
        except (msgspec.MsgspecError, RecursionError):
            continue  # the feed reports it when it is played
    if not found.instruments:
        found.instruments = _instrument_message(_pairs(found, path))
    return found


def _survey_message(message: bytes, found: Survey) -> None:
    envelope = wire.envelope_decoder.decode(message)
    if envelope.channel == "book":
        book = wire.book_decoder.decode(message)
        for data in book.data:
            found.symbols.setdefault(data.symbol)
            bids, asks = wire.levels_in(data.bids), wire.levels_in(data.asks)
            _count_digits(found, data.symbol, [*bids, *asks])
            if book.type == "snapshot" and data.symbol not in found.depths:
                longest = max(len(bids), len(asks))
                found.depths[data.symbol] = next((d for d in answers.DEPTHS if d >= longest), answers.DEPTHS[-1])
    elif envelope.channel == "trade":
        for trade in map(wire.print_decoder.decode, wire.trade_decoder.decode(message).data):
            found.symbols.setdefault(trade.symbol)
            _count_digits(found, trade.symbol, [trade])
    elif envelope.channel == "status":
        found.has_status = True
    elif envelope.channel == "instrument" and not found.instruments:
        found.instruments = message
    elif envelope.method == "subscribe" and envelope.result and envelope.result.depth:
        found.depths[envelope.result.symbol] = envelope.result.depth


def _count_digits(found: Survey, symbol: str, numbers: Iterable[wire.Level | wire.TradeData]) -> None:
    for number in numbers:
        found.price_decimals[symbol] = max(found.price_decimals.get(symbol, 0), _decimals(number.price))
        found.qty_decimals[symbol] = max(found.qty_decimals.get(symbol, 0), _decimals(number.qty))


def _decimals(number: msgspec.Raw) -> int:
    mantissa, _, exponent = bytes(number).lower().partition(b"e")
    written = len(mantissa.partition(b".")[2])
    return max(0, written - int(exponent)) if exponent.lstrip(b"+-").isdigit() else written


def _pairs(found: Survey, path: Path) -> list[dict[str, Any]]:
    listed = _sidecar_pairs(path.parent / SIDECAR)
    pairs = []
    for symbol in found.symbols:
        pair = listed.get(symbol)
        if pair is None:
            pair = _inferred_pair(symbol, found.price_decimals[symbol], found.qty_decimals[symbol])
            _log.warning(
                "%s states no rules for %s: inferred %s price and %s quantity decimals from its digits, minimums zero",
                path.name,
                symbol,
                pair["price_precision"],
                pair["qty_precision"],
            )
        pairs.append(pair)
    return pairs


def _sidecar_pairs(path: Path) -> dict[str, dict[str, Any]]:
    try:
        rows = json.loads(path.read_bytes())["result"].values()
        pairs = [_listed_pair(row) for row in rows]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        _log.warning("%s is not a REST AssetPairs answer and is left out: %r", path.name, error)
        return {}
    return {pair["symbol"]: pair for pair in pairs}


def _listed_pair(row: dict[str, Any]) -> dict[str, Any]:
    base, _, quote = row["wsname"].partition("/")
    base, quote = _OLD_NAMES.get(base, base), _OLD_NAMES.get(quote, quote)
    return {
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "status": row["status"],
        "qty_precision": row["lot_decimals"],
        "qty_increment": _number(f"1e-{row['lot_decimals']:02d}"),
        "price_precision": row["pair_decimals"],
        "price_increment": _number(row["tick_size"]),
        "cost_min": _number(row["costmin"]),
        "qty_min": _number(row["ordermin"]),
    }


def _inferred_pair(symbol: str, price_decimals: int, qty_decimals: int) -> dict[str, Any]:
    base, _, quote = symbol.partition("/")
    return {
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "status": "online",
        "qty_precision": qty_decimals,
        "qty_increment": _number(f"1e-{qty_decimals:02d}"),
        "price_precision": price_decimals,
        "price_increment": _number(f"1e-{price_decimals:02d}"),
        "cost_min": 0,
        "qty_min": 0,
    }


def _number(text: str) -> msgspec.Raw:
    float(text)  # a ValueError for what is no number
    return msgspec.Raw(text.encode())


def _instrument_message(pairs: list[dict[str, Any]]) -> bytes:
    data = {"assets": [], "pairs": pairs}
    return _raw_encoder.encode({"channel": "instrument", "type": "snapshot", "data": data})


class RecordedExchange:
    """Kraken's answers, as far as the recording goes; the recorded messages themselves are sent by others.

    No answer depends on the time of its request, so that the frames cut from a recording
    are the same at any speed.
    """

    def __init__(self, found: Survey) -> None:
        self._survey = found
        self.has_book_request = False  # what was recorded may follow

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of which the recording holds messages."""
        return tuple(self._survey.symbols)

    def greeting(self) -> list[bytes]:
        """Return the messages of a new connection: the state, if the recording has none."""
        return [] if self._survey.has_status else [answers.status("online", connection_id=1)]

    def answer(self, message: bytes) -> list[bytes]:
        """Return the answers to a client's message."""
        now_ns = self._survey.first_ns
        request = answers.read_request(message)
        if request is None:
            return []
        if request.method == "ping":
            return [answers.pong(request, now_ns)]
        channel = request.params.channel
        if channel == "instrument":
            granted = answers.granted(request, {"channel": channel, "snapshot": True, "warnings": []}, now_ns)
            return [granted, self._survey.instruments]
        if request.symbols is None:
            return [answers.refused(request, answers.SYMBOL_NOT_A_LIST, now_ns)]
        self.has_book_request = self.has_book_request or channel == "book"
        return [self._answer_about(request, symbol, now_ns) for symbol in request.symbols]

    def _answer_about(self, request: answers.Request, symbol: str, now_ns: int) -> bytes:
        if symbol not in self._survey.symbols:
            return answers.refused(request, answers.UNKNOWN_PAIR.format(symbol), now_ns, symbol=symbol)
        result: dict[str, Any] = {"channel": request.params.channel}
        if request.params.channel == "book":
            result["depth"] = self._survey.depths.get(symbol, answers.DEPTHS[0])
        return answers.granted(request, {**result, "snapshot": True, "symbol": symbol}, now_ns)
