"""The simulated exchange answers REST as Kraken does, over real HTTP, to the client that asks Kraken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from marketdata.kraken.rest import KrakenRest, Pace, RestRefused
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.pairs import PAIRS
from marketdata.simulation.rest import MAX_CANDLES, REACH_MINUTES, RestSide
from marketdata.simulation.rest_server import serve_rest
from tests.drawing import instrument
from tests.marketdata.wire import NOON_NS
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES
from trading.frames import NS_PER_S
from trading.minutes import CandleBuilder

NOW_NS = NOON_NS + 37 * NS_PER_S
XRP_BTC = PAIRS["XRP/BTC"].instrument


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve_rest(1, clock=lambda: NOW_NS) as url:
        yield url


@pytest.fixture
async def rest(url: str) -> AsyncIterator[KrakenRest]:
    client = KrakenRest(url, pace=Pace(0.0))
    yield client
    client.close()


async def test_the_pairs_are_those_of_the_socket(rest: KrakenRest) -> None:
    pairs = await asyncio.to_thread(rest.asset_pairs)

    assert {symbol: pair.instrument for symbol, pair in pairs.items()} == {
        symbol: pair.instrument for symbol, pair in PAIRS.items()
    }
    assert pairs["XRP/BTC"].altname == "XRPXBT"


@pytest.mark.parametrize("timeframe", TIMEFRAME_MINUTES)
async def test_closed_candles_reach_to_now_and_as_far_back_as_is_computed(rest: KrakenRest, timeframe: str) -> None:
    width = TIMEFRAME_MINUTES[timeframe] * MINUTE_NS

    candles = await asyncio.to_thread(rest.candles, XRP_BTC, timeframe)

    assert len(candles) == min(MAX_CANDLES, REACH_MINUTES // TIMEFRAME_MINUTES[timeframe])
    newest = NOW_NS // width * width - width
    assert [c.start_ns for c in candles] == [newest - back * width for back in range(len(candles) - 1, -1, -1)]


async def test_trades_page_by_page_are_all_trades_in_order(rest: KrakenRest) -> None:
    market, since_ns = SimulatedMarket(1), NOW_NS - 200 * MINUTE_NS

    pages = await asyncio.to_thread(lambda: list(rest.trades(XRP_BTC, since_ns)))

    assert [len(page) for page in pages[:-1]] == [1000, 999]
    assert [trade for page in pages for trade in page] == market.trades("XRP/BTC", since_ns - 1, NOW_NS)


async def test_candles_are_those_that_its_trades_make(rest: KrakenRest) -> None:
    first_ns = NOON_NS - 10 * MINUTE_NS
    btc = PAIRS["BTC/USD"].instrument

    pages = await asyncio.to_thread(lambda: list(rest.trades(btc, first_ns - 1)))
    candles = await asyncio.to_thread(rest.candles, btc, "1m", (first_ns - MINUTE_NS) // NS_PER_S)

    builder = CandleBuilder()
    closed = [c for page in pages for t in page for c in builder.add(t.trade_id, t.time_ns, t.ticks, t.lots)[0]]
    assert candles == closed + builder.close_until(NOW_NS)
    assert len(candles) == 10


async def test_the_book_and_the_status_are_the_sockets(rest: KrakenRest) -> None:
    book = await asyncio.to_thread(rest.depth, XRP_BTC, 25)
    status = await asyncio.to_thread(rest.system_status)

    assert book == SimulatedMarket(1).book("XRP/BTC", NOW_NS, 25)
    assert status.status == "online"


async def test_an_unknown_pair_is_refused_in_krakens_words(rest: KrakenRest) -> None:
    with pytest.raises(RestRefused, match="OHLC of XDGUSD: EQuery:Unknown asset pair"):
        await asyncio.to_thread(rest.candles, instrument("DOGE/USD"), "1m")


@pytest.mark.parametrize(
    ("endpoint", "about", "words"),
    [
        ("OHLC", {"pair": "XBTUSD", "interval": "7"}, "EGeneral:Invalid arguments:interval"),
        ("OHLC", {"pair": "XBTUSD", "interval": "1", "since": "-1"}, "EGeneral:Invalid arguments:since"),
        ("OHLC", {}, "EQuery:Unknown asset pair"),
        ("Depth", {"pair": "XBTUSD", "count": "501"}, "EGeneral:Invalid arguments:count"),
        ("Trades", {"pair": "XBTUSD", "since": "9" * 30}, "EGeneral:Invalid arguments:since"),
        ("Balance", {}, "EGeneral:Unknown method"),
    ],
)
def test_a_bad_question_is_refused_and_nothing_breaks(endpoint: str, about: dict[str, str], words: str) -> None:
    answer = RestSide(SimulatedMarket(1)).answer(endpoint, about, NOW_NS)

    assert answer == f'{{"error":["{words}"]}}'.encode()


async def test_what_is_no_question_gets_no_answer(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        elsewhere = await client.get("/")
        posted = await client.post("/0/public/Time")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"\x00" * 40_000 + b"\r\n\r\n")

    assert (elsewhere.status_code, posted.status_code) == (404, 404)
    assert await reader.read() == b""
    writer.close()


async def test_trades_before_the_listing_begin_with_it(rest: KrakenRest) -> None:
    (first, *_) = await asyncio.to_thread(lambda: next(rest.trades(XRP_BTC, 0)))

    assert first.time_ns // NS_PER_S // 86_400 == 1_577_836_800 // 86_400
