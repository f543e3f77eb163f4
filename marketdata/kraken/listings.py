"""The `instrument` channel read pair by pair: one that cannot be read is left out and named."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from marketdata.kraken import prints, wire
from marketdata.kraken.events import BadFrame, MarketEvent
from trading.instruments import Instrument


def read_pairs(
    message: wire.InstrumentMessage, watched: Container[str]
) -> tuple[list[Instrument], list[str], list[MarketEvent]]:
    """Return the rules of the ``watched`` pairs, the names of all, and an event for each that was left out."""
    found: list[Instrument] = []
    names: list[str] = []
    refused: list[MarketEvent] = []
    for raw in message.data.pairs:
        try:
            pair = wire.pair_decoder.decode(raw)
            names.append(pair.symbol)
            if pair.symbol in watched:
                found.append(wire.instrument_of(pair))
        except (msgspec.MsgspecError, ValueError) as error:
            refused.append(BadFrame(prints.printable(f"instrument: {error}"), prints.excerpt_of(bytes(raw))))
    return found, names, refused
