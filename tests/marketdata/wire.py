"""Messages as Kraken writes them, and where the recorded ones are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from marketdata.kraken.protocol import KrakenProtocol
from tests.captures import DATA
from trading.frames import NS_PER_S

CAPTURE_2026 = DATA / "kraken_v2_capture" / "live-btc-eth.ndjson"
CAPTURE_2023 = DATA / "kraken_v2_capture_2023" / "orderbook-v2.json"
NOON_NS = 1_783_425_600 * NS_PER_S  # 2026-07-07T12:00:00Z

PAIR = (
    '{{"symbol":"{symbol}","base":"{base}","quote":"{quote}","status":"{status}","qty_precision":{qty},'
    '"qty_increment":1e-{qty:02d},"price_precision":{price},"cost_precision":5,"ws_display_price_precision":1,'
    '"cost_min":0.5,"tick_size":1e-{price:02d},"price_increment":1e-{price:02d},"qty_min":5e-05}}'
)

DOCS_V2 = {
    "asks": "45285.2:0.00100000 45286.4:1.54571953 45286.6:1.54571109 45289.6:1.54560911 45290.2:0.15890660 "
    "45291.8:1.54553491 45294.7:0.04454749 45296.1:0.35380000 45297.5:0.09945542 45299.5:0.18772827",
    "bids": "45283.5:0.10000000 45283.4:1.54582015 45282.1:0.10000000 45281.0:0.10000000 45280.3:1.54592586 "
    "45279.0:0.07990000 45277.6:0.03310103 45277.5:0.30000000 45277.3:1.54602737 45276.6:0.15445238",
}
DOCS_V2_CHECKSUM = 3310070434


def instruments(*symbols: str, price: int = 1, qty: int = 8, status: str = "online", kind: str = "snapshot") -> bytes:
    pairs = ",".join(
        PAIR.format(symbol=s, base=s.split("/")[0], quote=s.split("/")[1], price=price, qty=qty, status=status)
        for s in symbols
    )
    return f'{{"channel":"instrument","type":"{kind}","data":{{"assets":[],"pairs":[{pairs}]}}}}'.encode()


def book(symbol: str, checksum: int, bids: str = "", asks: str = "", kind: str = "snapshot") -> bytes:
    """Return a book message; sides are written ``price:qty price:qty``."""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{_levels(bids)}],'
        f'"asks":[{_levels(asks)}],"checksum":{checksum},"timestamp":"2026-07-07T12:00:00.000001Z"}}]}}'
    ).encode()


def docs_book(checksum: int = DOCS_V2_CHECKSUM, kind: str = "snapshot") -> bytes:
    return book("BTC/USD", checksum, **DOCS_V2, kind=kind)


def _levels(text: str) -> str:
    pairs = (level.split(":") for level in text.split())
    return ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in pairs)


def trade(symbol: str, *ids: int, kind: str = "update", price: str = "100.0", side: str = "buy") -> bytes:
    rows = ",".join(
        f'{{"symbol":"{symbol}","side":"{side}","price":{price},"qty":0.50000000,"ord_type":"limit",'
        f'"trade_id":{trade_id},"timestamp":"2026-07-07T12:00:00.{trade_id % 1_000_000:06d}Z"}}'
        for trade_id in ids
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'.encode()


def received(protocol: KrakenProtocol, *messages: bytes, time_ns: int = NOON_NS) -> list:
    return [event for message in messages for event in protocol.receive(message, time_ns=time_ns)]


def requests_of(protocol: KrakenProtocol) -> list[tuple[str, str, list[str]]]:
    """Return what the protocol wants to send: method, channel, symbols."""
    requests = [json.loads(request) for request in protocol.outgoing()]
    return [
        (r["method"], r.get("params", {}).get("channel", ""), r.get("params", {}).get("symbol", [])) for r in requests
    ]


def capture_lines(path: Path = CAPTURE_2026) -> Iterable[bytes]:
    return [line for line in path.read_bytes().splitlines() if line]


def watching(*symbols: str, price: int = 1, depth: int = 10, **options) -> KrakenProtocol:
    """Return a protocol that knows its instruments and has requests_of for everything."""
    protocol = KrakenProtocol(symbols, depth=depth, time_ns=NOON_NS, **options)
    received(protocol, instruments(*symbols, price=price))
    protocol.outgoing()
    return protocol
