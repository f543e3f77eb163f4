"""The REST client against answers as Kraken gives them; no socket is opened and nobody sleeps."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import httpx
import pytest

from marketdata.kraken.rest import MAX_TRIES, KrakenRest, Pace, RestRefused, RestUnavailable
from tests.captures import DATA
from tests.drawing import instrument
from trading.book import BookTop, Level, Side
from trading.candles import Candle, counts
from trading.frames import NS_PER_S, utc

BTC = instrument("BTC/USD", price_decimals=1, qty_decimals=8)
USDT = instrument("BTC/USDT", price_decimals=1, qty_decimals=8)
HTML = httpx.Response(200, html="<html>Just a moment…</html>")


def said(*words: str) -> httpx.Response:
    return httpx.Response(200, json={"error": list(words)})


def result(thing: object) -> httpx.Response:
    return httpx.Response(200, json={"error": [], "result": thing})


class Kraken:
    """Gives the answers it was received to, in order, the last for ever; time passes only while someone sleeps."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requested: list[httpx.Request] = []
        self.asked_at_s: list[float] = []
        self.now_s = 0.0
        pace = Pace(clock=lambda: self.now_s, sleep=self.sleep)
        self.client = KrakenRest("https://kraken.test", pace=pace, chance=lambda: 0.0, transport=self.transport)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requested.append(request)
        self.asked_at_s.append(self.now_s)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ohlc(*rows: list[object], last: int, name: str = "XXBTZUSD") -> httpx.Response:
    return result({name: list(rows), "last": last})


def row(start_s: int, price: str = "100.0", volume: str = "2.00000000", count: int = 3) -> list[object]:
    return [start_s, price, price, price, price, price, volume, count]


def trade_row(trade_id: int, time_s: str, price: str = "100.10000") -> str:
    return f'["{price}","0.50000000",{time_s},"s","l","",{trade_id}]'


def trade_page(rows: list[str], last: str) -> httpx.Response:
    text = f'{{"error":[],"result":{{"XXBTZUSD":[{",".join(rows)}],"last":"{last}"}}}}'
    return httpx.Response(200, text=text, headers={"content-type": "application/json; charset=utf-8"})


@pytest.mark.parametrize("name", ["XXBTZUSD", "XBTUSD", "BTC/USD"])
def test_the_pair_is_the_only_key_that_is_not_last(name):
    kraken = Kraken(ohlc(row(60, "100.1"), last=60, name=name))

    candles = kraken.client.candles(BTC, "1m")

    assert candles == [Candle(60 * NS_PER_S, 1001, 1001, 1001, 1001, 200_000_000, 3)]


def test_the_forming_candle_is_never_returned_as_closed():
    kraken = Kraken(ohlc(row(60), row(120), row(180), last=120))

    candles = kraken.client.candles(BTC, "1m")

    assert [candle.start_ns // NS_PER_S for candle in candles] == [60, 120]


def test_the_recorded_answer_is_understood_to_its_last_closed_row():
    recorded = httpx.Response(
        200,
        content=(DATA / "kraken_rest" / "http_ohlc.json").read_bytes(),
        headers={"content-type": "application/json"},
    )

    candles = Kraken(recorded).client.candles(USDT, "1m")

    assert len(candles) == 720
    assert candles[0] == Candle(1762777020 * NS_PER_S, 1060382, 1060382, 1060382, 1060382, 0, 0)
    assert candles[-1].start_ns == 1762820160 * NS_PER_S


def test_the_recorded_trades_are_understood_exactly():
    recorded = httpx.Response(
        200,
        content=(DATA / "kraken_rest" / "http_trades.json").read_bytes(),
        headers={"content-type": "application/json"},
    )

    (page,) = Kraken(recorded, trade_page([], "9")).client.trades(USDT, 0)

    assert [trade.trade_id for trade in page] == list(range(10218208, 10219208))
    assert (page[0].ticks, page[0].lots, page[0].side) == (1054336, 27_625, Side.BUY)
    assert page[0].time_ns == 1_762_795_433_971_744_500


def test_the_interval_the_pair_and_since_are_asked_in_krakens_words():
    kraken = Kraken(ohlc(last=0))

    kraken.client.candles(instrument("DOGE/BTC"), "4h", since_s=1_700_000_000)

    assert kraken.requested[0].url.path == "/0/public/OHLC"
    assert dict(kraken.requested[0].url.params) == {"pair": "XDGXBT", "interval": "240", "since": "1700000000"}
    assert kraken.requested[0].headers["user-agent"].startswith("paddock")


def test_asset_pairs_show_rules_and_the_name_to_ask_by():
    listed = json.loads((DATA / "kraken_v2_capture" / "assetpairs.json").read_bytes())["result"]
    renamed = {"XXBTZUSD": {**listed["XXBTZUSD"], "altname": "XBTUSD2"}, "dark": {"altname": "XBTUSD.d"}}
    kraken = Kraken(result(listed | renamed), ohlc(last=0))

    pairs = kraken.client.asset_pairs()
    kraken.client.candles(pairs["BTC/USD"].instrument, "1m")

    assert {"BTC/USD", "ETH/USD", "DOGE/USD", "SOL/USD"} <= set(pairs)
    doge = pairs["DOGE/USD"].instrument
    assert (doge.price_decimals, doge.qty_min_lots, doge.cost_min) == (7, 50 * 10**8, BTC.cost_min)
    assert kraken.requested[1].url.params["pair"] == "XBTUSD2"


def test_trades_are_paged_by_last_and_a_print_at_the_border_comes_once():
    full = [trade_row(1 + at, f"{at}.5") for at in range(1000)]
    kraken = Kraken(trade_page(full, "999500000000"), trade_page([trade_row(1000, "999.5"), full[-1]], "1000"))

    pages = list(kraken.client.trades(BTC, 0))

    assert [len(page) for page in pages] == [1000]
    assert [request.url.params["since"] for request in kraken.requested] == ["0", "999500000000"]


def test_trades_end_where_the_exchange_has_no_more():
    kraken = Kraken(trade_page([], "17"))

    assert list(kraken.client.trades(BTC, 17)) == []
    assert len(kraken.requested) == 1


def test_depth_is_best_first_in_ticks_and_lots():
    sides = {"asks": [["100.2", "1.5", 1700000000]], "bids": [["100.10000", "2.000", 1], ["99.9", "0.1", 2]]}
    kraken = Kraken(result({"XXBTZUSD": sides}))

    book = kraken.client.depth(BTC, 2)

    assert book == BookTop((Level(1001, 200_000_000), Level(999, 10_000_000)), (Level(1002, 150_000_000),))


def test_the_system_status_is_reported():
    kraken = Kraken(result({"status": "maintenance", "timestamp": "2025-11-11T00:17:10Z"}))

    assert kraken.client.system_status().status == "maintenance"


def test_requests_are_a_second_apart():
    kraken = Kraken(ohlc(last=0))

    for _ in range(3):
        kraken.client.candles(BTC, "1m")

    assert kraken.asked_at_s == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "error",
    [
        lambda: httpx.Response(429, json={}),
        lambda: httpx.Response(520, html="<html>"),
        lambda: httpx.Response(503, json={"error": ["EService:Unavailable"]}),
        lambda: HTML,
        lambda: httpx.Response(403, html="<html>denied</html>"),
        lambda: said("EGeneral:Too many requests"),
        lambda: said("EService:Busy"),
        lambda: httpx.ReadTimeout("too slow"),
        lambda: httpx.ConnectError("refused"),
    ],
)
def test_a_passing_fault_is_waited_out_longer_each_time(error: Callable[[], httpx.Response | Exception]):
    kraken = Kraken(error(), error(), ohlc(row(60), last=60))

    candles = kraken.client.candles(BTC, "1m")

    assert len(candles) == 1
    assert kraken.asked_at_s == [0.0, 1.0, 3.0]


def test_after_five_tries_the_error_names_endpoint_pair_and_words():
    kraken = Kraken(said("EService:Unavailable"))

    with pytest.raises(RestUnavailable, match=r"OHLC of XBTUSD: no answer in 5 tries; the last: EService:Unavailable"):
        kraken.client.candles(BTC, "1m")
    assert len(kraken.requested) == MAX_TRIES


def test_a_refusal_is_not_asked_again_and_says_what_the_exchange_said():
    kraken = Kraken(said("EQuery:Unknown asset pair"))

    with pytest.raises(RestRefused, match=r"OHLC of XBTUSD: EQuery:Unknown asset pair"):
        kraken.client.candles(BTC, "1m")
    assert len(kraken.requested) == 1


def test_warnings_are_no_errors():
    kraken = Kraken(httpx.Response(200, json={"error": ["WDeprecated"], "result": {"status": "online"}}))

    assert kraken.client.system_status().status == "online"


@pytest.mark.parametrize(
    "thing",
    [
        {"A": [], "B": [], "last": 0},
        {"last": 0},
        {"A": [[60, 1, 2, 3]], "last": 60},
        {"A": [row(60, "1e999999999")], "last": 60},
        {"A": [row(60, "NaN")], "last": 60},
        {"A": [row(60, "-1.0")], "last": 60},
        {"A": [[60, "10.0", "9.0", "9.0", "10.0", "1.0", "1.0", 1]], "last": 60},
        [],
        None,
    ],
)
def test_an_answer_that_is_none_is_refused_by_name(thing):
    kraken = Kraken(result(thing))

    with pytest.raises(RestRefused, match="OHLC of XBTUSD: "):
        kraken.client.candles(BTC, "1m")


class _Streamed(httpx.SyncByteStream):
    """A body as it comes off the wire."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return (self._body[at : at + 1_000] for at in range(0, len(self._body), 1_000))


def streamed(body: bytes, status: int = 200, **headers: str) -> httpx.Response:
    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.Response(status, headers=named, stream=_Streamed(body))


WHOLE = b'{"error":[],"result":{"status":"online","timestamp":"2026-07-07T12:00:00Z"}}'
HOSTILE = {
    "no gzip": lambda: streamed(b"Just a moment", content_encoding="gzip"),
    "torn gzip": lambda: streamed(gzip.compress(WHOLE)[:-9], content_encoding="gzip"),
    "bomb": lambda: streamed(gzip.compress(bytes(1 << 28)), content_encoding="gzip"),
    "brotli": lambda: streamed(WHOLE, content_encoding="br"),
    "said to be huge": lambda: streamed(WHOLE, content_length=str(1 << 40)),
    "redirected": lambda: streamed(b"", 302, location="https://elsewhere.test/", content_type="text/html"),
    "half": lambda: streamed(WHOLE[:30]),
    "no text": lambda: streamed(b"\xff\xfe\x00" * 9),
    "deep": lambda: streamed(b'{"a":' * 100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_an_answer_to_be_requested_again(name):
    kraken = Kraken(HOSTILE[name](), streamed(gzip.compress(WHOLE), content_encoding="gzip"))

    assert kraken.client.system_status().status == "online"
    assert len(kraken.requested) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_without_end_end_the_request_and_nothing_else(name):
    kraken = Kraken(*[HOSTILE[name]() for _ in range(MAX_TRIES)])

    with pytest.raises(RestUnavailable, match="SystemStatus: no answer in 5 tries"):
        kraken.client.system_status()


def test_one_pair_or_print_that_cannot_be_read_hides_no_other():
    pairs = {
        "XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "pair_decimals": 1, "lot_decimals": 8},
        "ODD": {"altname": "ODD", "wsname": "ODD/USD", "pair_decimals": 1, "lot_decimals": 8, "costmin": "x"},
    }
    rows = [
        trade_row(1, "1.5"),
        trade_row(2, "1.6", price="0.0"),
        '["odd"]',
        trade_row(4, "1e300"),
        trade_row(5, "2.0"),
    ]
    kraken = Kraken(result(pairs), trade_page(rows, "2"), trade_page([], "2"))

    assert list(kraken.client.asset_pairs()) == ["BTC/USD"]
    assert [trade.trade_id for page in kraken.client.trades(BTC, 0) for trade in page] == [1, 5]


def test_the_exchange_s_clock_is_read_from_time_or_from_its_status():
    now_s = int(time.time())
    from_time = Kraken(result({"unixtime": now_s + 90, "rfc1123": ""})).client.exchange_clock()
    status = {"status": "online", "timestamp": f"{utc((now_s - 90) * NS_PER_S):%Y-%m-%dT%H:%M:%SZ}"}
    from_status = Kraken(said("EGeneral:Unknown method"), result(status)).client.exchange_clock()
    unknown = Kraken(HTML).client.exchange_clock()

    assert from_time is not None and from_status is not None
    assert round(from_time.ahead_ns / NS_PER_S) in (89, 90, 91)
    assert round(from_status.ahead_ns / NS_PER_S) in (-91, -90, -89)
    assert unknown is None


def test_a_candle_of_days_when_the_pair_had_more_decimals_is_exact():
    kraken = Kraken(result({"A": [row(60, "100.123")], "last": 60}))

    (candle,) = kraken.client.candles(BTC, "1m")

    assert [BTC.price(price) for price in counts(candle)[1:5]] == [Decimal("100.123")] * 4
