"""Prints from REST, in the format of the `trade` channel."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw

from marketdata.kraken.protocol import REPAIR
from trading.frames import NS_PER_S, Trade, utc
from trading.instruments import Instrument

_encoder = msgspec.json.Encoder()


def repair_message(instrument: Instrument, trades: Iterable[Trade]) -> bytes:
    """Return a message for a listener: a recording keeps it, and a replay takes it again."""
    rows = [
        {
            "symbol": instrument.symbol,
            "side": trade.side.value,
            "price": Raw(f"{instrument.price(trade.ticks):f}".encode()),
            "qty": Raw(f"{instrument.qty(trade.lots):f}".encode()),
            "trade_id": trade.trade_id,
            "timestamp": f"{utc(trade.time_ns):%Y-%m-%dT%H:%M:%S}.{trade.time_ns % NS_PER_S:09d}Z",
        }
        for trade in trades
    ]
    return _encoder.encode({"channel": "trade", "type": REPAIR, "data": rows})
