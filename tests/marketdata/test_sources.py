import asyncio
import threading

import pytest
from websockets.sync.server import serve

from marketdata.market_names import is_recording
from marketdata.simulation.server import serve_simulation
from marketdata.sources import UnknownSource, kraken_answers, parse_source, watched_depth, watched_symbols
from tests.marketdata.wire import CAPTURE_2023, CAPTURE_2026


@pytest.mark.parametrize(
    ("text", "path", "market", "shown"),
    [
        ("kraken", None, "kraken", "kraken"),
        ("simulated", None, "simulated:5", "simulated"),
        (f"recording:{CAPTURE_2026}", None, "recording:live-btc-eth:3d323d06", "recording:live-btc-eth.ndjson"),
        ("recording", str(CAPTURE_2023), "recording:orderbook-v2:", "recording:orderbook-v2.json"),
    ],
)
def test_a_source_names_its_market(text, path, market, shown):
    source = parse_source(text, path, seed=5)

    assert source.market.startswith(market)
    assert str(source) == shown


@pytest.mark.parametrize(
    "text", ["", "binance", "kraken:x", "simulated:7", "recording", "recording:", "recording:/none"]
)
def test_what_names_no_source_is_refused(text):
    with pytest.raises(UnknownSource, match=r"source|recording"):
        parse_source(text)


def test_a_compressed_recording_keeps_its_name(tmp_path):
    path = tmp_path / "day.ndjson.gz"
    path.write_bytes(b"x")

    assert parse_source(f"recording:{path}").market.startswith("recording:day:")


def test_only_recorded_markets_have_an_end():
    assert is_recording("recording:day:1234abcd")
    assert not is_recording("simulated:1")


async def test_an_exchange_that_greets_us_answers():
    async with serve_simulation(seed=1) as url:
        assert await asyncio.to_thread(kraken_answers, url, timeout_s=5)


@pytest.mark.parametrize("greeting", [None, "junk", "[]", '{"channel":"weather"}'])
def test_an_exchange_that_says_nothing_of_its_status_does_not_answer(greeting):
    def handle(socket):
        if greeting is not None:
            socket.send(greeting)
        list(socket)  # until the client has had enough

    with serve(handle, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        assert not kraken_answers(url, timeout_s=0.3)
        server.shutdown()


def test_nobody_there_does_not_answer():
    assert not kraken_answers("ws://127.0.0.1:9", timeout_s=0.3)


@pytest.mark.parametrize("depth", [10, 25, 100, 500, 1000])
def test_the_depth_is_one_that_kraken_grants(depth, monkeypatch):
    monkeypatch.setenv("FEED_DEPTH", str(depth))

    assert watched_depth() == depth


def test_a_depth_that_kraken_does_not_grant_is_refused_before_anything_starts(monkeypatch):
    monkeypatch.setenv("FEED_DEPTH", "50")

    with pytest.raises(ValueError, match="FEED_DEPTH is '50'; expected one of 10, 25, 100, 500, 1000"):
        watched_depth()


def test_the_pairs_of_the_environment_are_understood_in_every_spelling(monkeypatch):
    monkeypatch.setenv("FEED_SYMBOLS", "XBT/USD, btc/usd, BTC-EUR XDGUSD,AAPLx/USD")

    assert watched_symbols() == ("BTC/USD", "BTC/EUR", "DOGE/USD", "AAPLx/USD")


def test_what_is_no_pair_is_refused_with_the_name_of_the_variable(monkeypatch):
    monkeypatch.setenv("FEED_SYMBOLS", "BTC/USD,BTC")

    with pytest.raises(ValueError, match="FEED_SYMBOLS: pair is 'BTC'"):
        watched_symbols()
