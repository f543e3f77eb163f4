"""The markets over REST."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest

from strategies.deployments.fee_schedules import add_fee_schedule
from tests.listening import ReceivedMarket, forget_all, list_pair, store
from tests.rows import MARKET, NOON, enter, fill, open_season, quote, run_feed
from trading.frames import utc
from trading.indicators.oscillators import rsi

pytestmark = pytest.mark.django_db

BTC = "/api/v1/markets/BTC-USD/"
BOOK = """
    640003 x 30
    640001 x 20
    ---
    640000 x 10
    639998 x 15
"""


@pytest.fixture(autouse=True)
def season():
    forget_all()
    run_feed(market_time=NOON.isoformat(), symbols={"BTC/USD": quote("64000.0", "64000.1")})
    list_pair()
    yield open_season()
    forget_all()


def test_the_list_tells_each_pairs_quote_and_its_last_day(client):
    list_pair("XRP/BTC", price_decimals=8)
    store([60_000] + [64_000] * 24, timeframe="1h", end=NOON + timedelta(hours=1))

    answer = client.get("/api/v1/markets/").json()

    btc, xrp = answer["results"]
    assert (btc["symbol"], btc["slug"], btc["freshness"]) == ("BTC/USD", "BTC-USD", "live")
    assert (btc["last"], btc["bid"], btc["ask"], btc["spread"]) == ("64000", "64000", "64000.1", "0.1")
    assert btc["day"]["is_whole"]
    assert Decimal(btc["change_24h_pct"]) == pytest.approx(Decimal(400) / 60, rel=Decimal("1e-9"))
    assert (xrp["last"], xrp["day"], xrp["freshness"]) == (None, None, "no data")


def test_a_pair_tells_its_rules_its_fees_and_what_a_small_account_can_do(client):
    answer = client.get(BTC).json()

    assert (answer["price_increment"], answer["qty_min"], answer["cost_min"]) == ("0.1", "0.0001", "0.5")
    assert (answer["long_limit"], answer["short_limit"]) == ("1.5", "2")
    assert answer["small_account"]["least_usd"] == "6.41"
    (schedule,) = answer["fee_schedules"]
    assert schedule["tiers"][0] == {"volume": "0", "taker_bps": "40", "maker_bps": "25"}


def test_of_each_family_the_schedule_in_force_is_given_also_of_ones_own(client):
    for month, rate in (("2026-01", "0.1"), ("2026-06", "0.2"), ("2099-01", "0.3")):
        day = date.fromisoformat(f"{month}-01")
        add_fee_schedule(name=f"a-broker-{month}", valid_from=day, tiers=[["0", rate, "0"]], by="test")

    answer = client.get(BTC).json()
    page = client.get("/markets/BTC-USD/").content.decode()

    assert [schedule["name"] for schedule in answer["fee_schedules"]] == ["a-broker-2026-06", "kraken-spot-2026-07"]
    assert answer["small_account"]["round_trip_usd"] == "0.8"  # by the schedule that holds unless another is named
    assert "a-broker-2026-06, from 2026-06-01" in page


def test_the_book_is_the_frames_book_exactly(client):
    market = ReceivedMarket()
    frame = market.tell(BOOK)

    answer = client.get(f"{BTC}book/").json()

    assert answer["sequence"] == frame.sequence
    top = frame.books["BTC/USD"]
    for side, levels in (("asks", top.asks), ("bids", top.bids)):
        exact = [(Decimal(level.ticks).scaleb(-1), Decimal(level.lots).scaleb(-4)) for level in levels]
        assert [(Decimal(rung["price"]), Decimal(rung["qty"])) for rung in answer[side]] == exact
    assert (answer["spread"], answer["mid"], answer["asks"][1]["total"]) == ("0.1", "64000.05", "0.005")
    assert len(client.get(f"{BTC}book/?levels=1").json()["asks"]) == 1


def test_the_tape_is_newest_first_with_its_rule(client):
    market = ReceivedMarket()
    market.tell(BOOK, trades="\n".join(["buy 640001 x 5"] * 20 + ["sell 640000 x 60"]))

    answer = client.get(f"{BTC}tape/?limit=2").json()

    assert [(p["side"], p["price"], p["qty"], p["is_large"]) for p in answer["prints"]] == [
        ("sell", "64000", "0.006", True),
        ("buy", "64000.1", "0.0005", False),
    ]
    assert (answer["remembered"], answer["large_from"]) == (21, "0.005")


def test_before_the_first_frame_book_and_tape_say_so(client):
    for part in ("book", "tape"):
        answer = client.get(f"{BTC}{part}/")

        assert answer.status_code == 404
        assert "no frame of BTC/USD can be read" in answer.content.decode()


def test_the_leagues_fills_are_those_of_the_pair_in_this_season(client, season):
    alpha, bravo = enter(season, "alpha"), enter(season, "bravo")
    fill(alpha, 1)
    fill(alpha, 2, symbol="ETH/USD")
    newest = fill(bravo, 3, time=NOON + timedelta(minutes=1), side="sell", result=Decimal("-0.5"))

    every = client.get(f"{BTC}fills/").json()["results"]
    bravos = client.get(f"{BTC}fills/?deployment=bravo&side=sell").json()["results"]

    assert [row["deployment"] for row in every] == ["bravo", "alpha"]
    assert [(row["id"], row["result"], row["currency"]) for row in bravos] == [(newest.pk, "-0.5", "USD")]


def test_an_indicator_is_what_strategies_compute_over_the_same_candles(client):
    closes = [100 + at % 7 for at in range(40)]
    store(closes, timeframe="5m")

    answer = client.get(f"{BTC}indicators/?name=rsi&period=14&timeframe=5m&limit=5").json()

    from dashboard.markets.indicators import series_of
    from marketdata.selectors import candles_of

    series = series_of("BTC/USD", "5m", candles_of(MARKET, "BTC/USD", "5m"))
    assert answer["lines"]["value"] == rsi(series, 14)[-5:].tolist()
    assert answer["starts"][-1] == (NOON - timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    assert (answer["needs"], answer["candles"], answer["parameters"]) == (15, 40, {"period": 14.0})


def test_values_before_the_warm_up_are_absent_not_zero(client):
    store([100] * 10, timeframe="5m")

    answer = client.get(f"{BTC}indicators/?name=sma&period=8&timeframe=5m").json()

    assert answer["lines"]["value"] == [None] * 7 + [100.0] * 3


def test_an_indicator_can_be_read_page_by_page_backwards(client):
    store([100] * 10, timeframe="5m")
    before = (NOON - timedelta(minutes=25)).isoformat().replace("+00:00", "Z")

    answer = client.get(f"{BTC}indicators/", {"name": "sma", "period": 2, "timeframe": "5m", "before": before}).json()

    assert (len(answer["starts"]), max(answer["starts"]) < before) == (5, True)


def test_the_catalogue_tells_what_can_be_drawn_within_which_bounds(client):
    answer = {known["name"]: known for known in client.get("/api/v1/indicators/").json()}

    assert answer["rsi"]["parameters"] == [
        {"name": "period", "default": 14.0, "least": 2.0, "most": 500.0, "is_whole": True}
    ]
    assert answer["ema"]["is_overlay"]
    assert "vpin_at" not in answer


@pytest.mark.parametrize(
    ("address", "field", "right"),
    [
        ("book/?levels=0", "levels", "a whole number from 1 to 25"),
        ("tape/?limit=x", "limit", "a whole number from 1 to 1000"),
        ("fills/?colour=red", "colour", "expected one of deployment"),
        ("fills/?since=yesterday", "since", "valid"),
        ("indicators/", "name", "expected one of adx"),
        ("indicators/?name=vpin_at", "name", "expected one of adx"),
        ("indicators/?name=rsi&period=1", "period", "a whole number from 2 to 500"),
        ("indicators/?name=rsi&timeframe=2m", "timeframe", "expected one of 1m, 5m"),
        ("indicators/?name=rsi&before=noon", "before", "2026-07-08T12:00:00Z"),
        ("indicators/?name=rsi&colour=red", "colour", "expected one of period"),
    ],
)
def test_bad_input_is_an_error_by_field_with_what_is_right(client, address, field, right):
    answer = client.get(BTC + address)

    assert answer.status_code == 400
    problem = answer.json()
    assert right in str(problem.get("errors", problem)[field])


@pytest.mark.parametrize(
    "moment", ["1480-01-11T13:38:40+20:12", "0001-01-01T00:00:00+20:12", "9999-12-31T23:00:00-20:00"]
)
def test_no_moment_of_any_zone_is_too_much(client, moment):
    store([100])
    for address in (
        f"{BTC}fills/?since=",
        f"{BTC}indicators/?name=rsi&before=",
        "/api/v1/candles/?symbol=BTC/USD&since=",
    ):
        answer = client.get(address + moment.replace("+", "%2B"))

        assert answer.status_code in (200, 400), address


@pytest.mark.parametrize("part", ["", "book/", "tape/", "fills/", "indicators/?name=rsi"])
def test_an_unknown_pair_is_an_error_that_names_the_known_ones(client, part):
    answer = client.get(f"/api/v1/markets/DOGE-EUR/{part}")

    assert answer.status_code == 404
    assert "expected one of BTC-USD" in answer.content.decode()


def test_candles_can_be_read_page_by_page_backwards(client):
    store(range(1, 11))

    def closes(**query):
        rows = client.get("/api/v1/candles/", {"symbol": "BTC/USD", "timeframe": "1m", **query}).json()
        return [float(row["close"]) for row in rows]

    newest = closes(limit=3)
    older = closes(limit=3, before=(NOON - timedelta(minutes=3)).isoformat())
    since = closes(since=(NOON - timedelta(minutes=2)).isoformat())

    assert (newest, older, since) == ([8, 9, 10], [5, 6, 7], [9, 10])


@pytest.mark.parametrize("name", ["since", "before"])
def test_a_moment_without_its_zone_is_refused(client, name):
    answer = client.get("/api/v1/candles/", {"symbol": "BTC/USD", name: "2026-07-08T12:00:00"})

    assert answer.status_code == 400
    assert "expected a time with its zone" in answer.content.decode()


def test_the_time_of_the_book_is_the_frames(client):
    market = ReceivedMarket()
    market.tell(BOOK)
    changed_ns = market.now_ns
    market.tell()

    answer = client.get(f"{BTC}book/").json()

    assert answer["changed_at"] == utc(changed_ns).isoformat().replace("+00:00", "Z")
    assert answer["time"] == utc(market.now_ns).isoformat(timespec="microseconds").replace("+00:00", "Z")


def table_of(client, address, **query):
    answer = client.get(BTC + address, {"format": "csv", **query})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_book_as_a_table_has_a_line_for_each_level_best_first(client):
    ReceivedMarket().tell(BOOK)

    lines = table_of(client, "book/")

    assert [(line["side"], line["price"], line["qty"]) for line in lines] == [
        ("bid", "64000", "0.001"),
        ("bid", "63999.8", "0.0015"),
        ("ask", "64000.1", "0.002"),
        ("ask", "64000.3", "0.003"),
    ]


def test_the_tape_as_a_table_has_a_line_for_each_print(client):
    ReceivedMarket().tell(BOOK, trades="buy 640001 x 5\nsell 640000 x 60")

    lines = table_of(client, "tape/")

    assert [(line["side"], line["price"], line["qty"]) for line in lines] == [
        ("sell", "64000", "0.006"),
        ("buy", "64000.1", "0.0005"),
    ]


def test_an_indicator_as_a_table_has_a_line_for_each_candle(client):
    store([64_000 + at % 9 for at in range(20)])
    values = client.get(f"{BTC}indicators/?name=sma&period=5").json()

    lines = table_of(client, "indicators/", name="sma", period=5)

    (name, line) = next(iter(values["lines"].items()))
    assert [row["start"] for row in lines] == values["starts"]
    assert [row[name] for row in lines] == ["" if value is None else str(value) for value in line]
