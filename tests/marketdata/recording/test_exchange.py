import json

import pytest

from marketdata.recording.exchange import RecordedExchange, Survey, survey
from marketdata.recording.reading import read_recording
from tests.marketdata.wire import CAPTURE_2026, NOON_NS, book, instruments, trade


def surveyed(tmp_path, *messages: bytes) -> Survey:
    return survey(((NOON_NS, message) for message in messages), tmp_path / "day.ndjson")


def said(exchange: RecordedExchange, method: str, **params: object) -> list[dict]:
    request = json.dumps({"method": method, "params": params, "req_id": 7}).encode()
    return [json.loads(answer) for answer in exchange.answer(request)]


def pairs_of(found: Survey) -> dict[str, dict]:
    return {pair["symbol"]: pair for pair in json.loads(found.instruments)["data"]["pairs"]}


def test_the_recorded_day_is_surveyed_with_the_rules_beside_it():
    found = survey(read_recording(CAPTURE_2026), CAPTURE_2026)

    assert (found.messages, tuple(found.symbols), found.has_status) == (3_000, ("BTC/USD", "ETH/USD"), True)
    assert found.depths == {"BTC/USD": 10, "ETH/USD": 10}
    pairs = pairs_of(found)
    assert (pairs["BTC/USD"]["price_precision"], pairs["BTC/USD"]["qty_min"]) == (1, 0.00005)
    assert (pairs["ETH/USD"]["base"], pairs["ETH/USD"]["price_increment"]) == ("ETH", 0.01)


def test_rules_that_were_recorded_are_used_as_they_are(tmp_path):
    message = instruments("XRP/USD", price=5)

    assert surveyed(tmp_path, message, trade("XRP/USD", 1)).instruments == message


@pytest.mark.parametrize("text", ["junk", "[]", '{"result":{"X":{}}}', '{"result":{"X":{"wsname":7}}}'])
def test_a_sidecar_that_is_none_is_left_out_with_a_warning(tmp_path, caplog, text):
    (tmp_path / "assetpairs.json").write_text(text)

    found = surveyed(tmp_path, trade("XRP/USD", 1, price="1.12345"))

    assert pairs_of(found)["XRP/USD"]["price_precision"] == 5
    assert "is not a REST AssetPairs answer" in caplog.text


def test_digits_are_counted_through_exponents(tmp_path):
    found = surveyed(tmp_path, book("XRP/BTC", 1, bids="1.774e-05:2.5E1 1.8e-05:3"))

    assert (found.price_decimals["XRP/BTC"], found.qty_decimals["XRP/BTC"]) == (8, 0)


def test_the_depth_is_that_of_the_snapshot_when_nobody_says(tmp_path):
    levels = " ".join(f"{100 - at}.0:1.0" for at in range(12))

    found = surveyed(tmp_path, book("XRP/USD", 1, bids=levels), book("ETH/USD", 1, bids="100.0:1.0"))

    assert found.depths == {"XRP/USD": 25, "ETH/USD": 10}


def test_a_damaged_message_does_not_spoil_the_survey(tmp_path):
    found = surveyed(tmp_path, b"junk", b'{"channel":"book"}', trade("XRP/USD", 1))

    assert tuple(found.symbols) == ("XRP/USD",)


def test_books_are_granted_at_the_depth_that_was_recorded(tmp_path):
    exchange = RecordedExchange(surveyed(tmp_path, book("XRP/USD", 1, bids="1.0:1.0")))
    before = exchange.has_book_request

    known, unknown = said(exchange, "subscribe", channel="book", symbol=["XRP/USD", "XBT/USD"], depth=25)

    assert known["result"] == {"channel": "book", "depth": 10, "snapshot": True, "symbol": "XRP/USD"}
    assert (unknown["error"], unknown["req_id"]) == ("Currency pair not supported XBT/USD", 7)
    assert (before, exchange.has_book_request) == (False, True)


def test_a_status_is_reported_only_where_the_recording_has_none(tmp_path):
    status = b'{"channel":"status","type":"update","data":[{"system":"online"}]}'

    silent = RecordedExchange(surveyed(tmp_path, trade("XRP/USD", 1)))
    with_status = RecordedExchange(surveyed(tmp_path, status, trade("XRP/USD", 1)))

    assert [json.loads(message)["channel"] for message in silent.greeting()] == ["status"]
    assert with_status.greeting() == []


def test_everything_else_is_answered_as_kraken_would(tmp_path):
    exchange = RecordedExchange(surveyed(tmp_path, trade("XRP/USD", 1)))

    assert [message["method"] for message in said(exchange, "ping")] == ["pong"]
    assert [m.get("channel", m.get("method")) for m in said(exchange, "subscribe", channel="instrument")] == [
        "subscribe",
        "instrument",
    ]
    assert said(exchange, "subscribe", channel="book", symbol="XRP/USD")[0]["error"] == "Symbol field must be an array"
    assert exchange.answer(b"junk") == []
