"""A feed brings what its market missed: from the database, then from the exchange."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from marketdata.feed.warm_up import WarmUp
from marketdata.framing.frame_builder import FrameBuilder
from marketdata.kraken.candles import snapshot_message
from marketdata.kraken.events import BadFrame, HistoryReceived
from marketdata.kraken.protocol import KrakenProtocol
from marketdata.kraken.rest import KrakenRest, Pace
from marketdata.services import record_candles
from tests.drawing import instrument
from tests.marketdata.wire import NOON_NS, instruments, received
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES, Candle, width_ns
from trading.frames import NS_PER_S, Frame, History
from trading.market import Market

BTC = instrument("BTC/USD", price_decimals=1, qty_decimals=8, qty_min_lots=5_000)
NOW_NS = NOON_NS + 30 * NS_PER_S


def known(*symbols: str) -> KrakenProtocol:
    protocol = KrakenProtocol(symbols)
    received(protocol, instruments(*symbols))
    return protocol


def test_history_survives_its_message_exactly() -> None:
    candles = [
        Candle(NOON_NS, 627_915, 628_000, 627_000, 627_916, 123_456_789_012_345_678, 7),
        Candle(NOON_NS + MINUTE_NS, 1, 1, 1, 1, 0, 0),
    ]

    events = received(known("BTC/USD"), snapshot_message(BTC, "1m", candles))

    rows = tuple((c.start_ns, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in candles)
    assert events == [HistoryReceived(History("BTC/USD", "1m", rows))]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ((b"BTC/USD", b"DOGE/USD"), "candles of 'DOGE/USD', of which no instrument is known"),
        ((b'"low":100.0', b'"low":101.0'), "expected 0 < low"),
        ((b'"low":100.0', b'"low":0.0'), "expected 0 < low"),
        ((b'"high":100.0', b'"high":1e999999999'), "number is"),
        ((b":00.000000Z", b":01.000000Z"), "expected a multiple of 1 m"),
        ((b'"interval":1', b'"interval":"x"'), "Expected `int`"),
    ],
)
def test_candles_that_cannot_be_are_refused_by_name(change: tuple[bytes, bytes], complaint: str) -> None:
    message = snapshot_message(BTC, "1m", [Candle(NOON_NS, 1000, 1000, 1000, 1000, 5, 1)]).replace(*change)

    (event,) = received(known("BTC/USD"), message)

    assert isinstance(event, BadFrame)
    assert complaint in event.reason


def test_an_update_of_the_ohlc_channel_is_none_of_history() -> None:
    message = snapshot_message(BTC, "1m", [Candle(NOON_NS, 1, 1, 1, 1, 5, 1)]).replace(b"snapshot", b"update")

    assert received(known("BTC/USD"), message) == []


def test_a_frame_carries_no_more_than_two_pieces_of_history() -> None:
    builder, pieces = FrameBuilder(), [History("BTC/USD", tf, ()) for tf in TIMEFRAME_MINUTES]
    builder.advance(NOON_NS, {})
    builder.add(HistoryReceived(piece) for piece in pieces)

    frames = builder.advance(NOON_NS + 400_000_000, {})

    assert [len(frame.history) for frame in frames] == [2, 2, 2, 0]
    assert [piece for frame in frames for piece in frame.history] == pieces


class Exchange:
    """A REST exchange with one trade at each interval's beginning; it may be received to fail."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.requests_of: list[tuple[str, str]] = []
        self.answer = answer or self.candles
        transport = httpx.MockTransport(self._answer)
        pace = Pace(0.0, sleep=lambda _: None)
        self.client = KrakenRest("https://kraken.test", pace=pace, transport=transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests_of.append((request.url.params["pair"], request.url.params["interval"]))
        return self.answer(request)

    def candles(self, request: httpx.Request) -> httpx.Response:
        width_s = int(request.url.params["interval"]) * 60
        forming_s = NOW_NS // NS_PER_S // width_s * width_s
        rows = [
            [start_s, "100.0", "100.0", "100.0", "100.0", "100.0", "1.0", 1]
            for start_s in range(forming_s - 720 * width_s, forming_s + 1, width_s)
        ]
        return httpx.Response(200, json={"error": [], "result": {"X": rows, "last": forming_s - width_s}})


async def warmed(market: Market, exchange: Exchange, *symbols: str) -> list[bytes]:
    """Run a warm-up once; return its messages, and fold them into the market."""
    protocol, builder, messages = known(*symbols), FrameBuilder(), []
    builder.advance(NOW_NS - NS_PER_S, {})
    builder.add(known_event for known_event in KrakenProtocol(symbols).receive(instruments(*symbols), time_ns=NOW_NS))
    warm_up = WarmUp(
        "kraken",
        market,
        exchange.client,
        receive=messages.append,
        instruments=lambda: protocol.instruments,
        now_ns=lambda: NOW_NS,
        report_whole=lambda: None,
    )
    warm_up.start()
    warm_up.begin()
    quiet_since, count = time.monotonic(), 0
    while time.monotonic() - quiet_since < 0.5:
        await asyncio.sleep(0.02)
        if len(messages) + len(exchange.requests_of) != count:
            quiet_since, count = time.monotonic(), len(messages) + len(exchange.requests_of)
    warm_up.stop()
    for message in messages:
        builder.add(received(protocol, message))
    for frame in builder.advance(NOW_NS + 5 * NS_PER_S, {}):
        assert isinstance(frame, Frame)
        market.fold(frame)
    return messages


@pytest.mark.django_db(transaction=True)
async def test_a_fresh_market_gets_720_candles_of_every_timeframe_shortest_first() -> None:
    market, exchange = Market(), Exchange()

    await warmed(market, exchange, "BTC/USD", "ETH/USD")

    assert exchange.requests_of[:3] == [("XBTUSD", "1"), ("ETHUSD", "1"), ("XBTUSD", "5")]
    snapshot = market.snapshot()
    for symbol in ("BTC/USD", "ETH/USD"):
        assert {tf: len(snapshot.candles(symbol, tf)) for tf in TIMEFRAME_MINUTES} == dict.fromkeys(
            TIMEFRAME_MINUTES, 720
        )
        for tf in TIMEFRAME_MINUTES:
            newest = snapshot.candles(symbol, tf)[-1].start_ns
            assert newest == NOW_NS // width_ns(tf) * width_ns(tf) - width_ns(tf)


@pytest.mark.django_db(transaction=True)
async def test_what_the_market_knows_is_not_asked_for_again() -> None:
    market = Market()
    await warmed(market, Exchange(), "BTC/USD")

    again = Exchange()
    messages = await warmed(market, again, "BTC/USD")

    assert (again.requests_of, messages) == ([], [])


@pytest.mark.django_db(transaction=True)
async def test_what_is_stored_is_brought_before_and_beyond_what_the_exchange_has() -> None:
    hour = width_ns("1h")
    newest = NOW_NS // hour * hour
    old = [Candle(newest - back * hour, 990, 990, 990, 990, 5, 1) for back in range(1_000, 0, -1)]
    await asyncio.to_thread(
        lambda: (record_candles(market="kraken", instrument=BTC, timeframe="1h", candles=old), _close())
    )
    market, exchange = Market(), Exchange()

    await warmed(market, exchange, "BTC/USD")

    assert ("XBTUSD", "60") not in exchange.requests_of
    assert len(market.snapshot().candles("BTC/USD", "1h")) == 1_000
    assert market.snapshot().candles("BTC/USD", "1h")[-1].close == 99.0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("words", ["EService:Unavailable", "EQuery:Unknown asset pair"])
async def test_an_exchange_that_does_not_answer_leaves_what_is_stored(words: str) -> None:
    stored = [Candle(NOON_NS - MINUTE_NS, 990, 990, 990, 990, 5, 1)]
    await asyncio.to_thread(
        lambda: (record_candles(market="kraken", instrument=BTC, timeframe="1m", candles=stored), _close())
    )
    market, exchange = Market(), Exchange(lambda _: httpx.Response(200, json={"error": [words]}))

    await warmed(market, exchange, "BTC/USD")

    expected = 5 if "EService" in words else 6  # tries of one question, or one try of each
    assert len(exchange.requests_of) == expected
    assert len(market.snapshot().candles("BTC/USD", "1m")) == 1


def _close() -> None:
    from django.db import connection

    connection.close()
