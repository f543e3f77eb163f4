from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis
from django.apps import apps

from marketdata import bus, models
from marketdata.feed.health import FeedHealth
from marketdata.kraken.events import Heartbeat, InstrumentsChanged, LagMeasured
from marketdata.serializers import FeedSerializer
from marketdata.services import record_instruments
from tests.drawing import instrument
from trading.minutes import ns_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 7, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _market():
    client = bus.redis_client()
    client.flushdb()
    bus.announce_market("kraken")
    record_instruments(market="kraken", instruments=[instrument("XRP/USD")])
    record_instruments(market="simulated:1", instruments=[instrument("ETH/USD")])
    yield
    client.flushdb()


def make_candles(count: int) -> None:
    price = Decimal("1.25")
    models.Candle.objects.bulk_create(
        models.Candle(
            market="kraken",
            symbol="XRP/USD",
            start=NOON + timedelta(minutes=at),
            **dict.fromkeys(("open", "high", "low", "close", "volume"), price),
            trades=at,
        )
        for at in range(count)
    )


def test_without_a_feed_the_feed_is_not_connected_and_nothing_is_made_up(client):
    answer = client.get("/api/v1/feed/")

    assert answer.status_code == 200
    body = answer.json()
    assert (body["connected"], body["market"], body["events"]) == (False, "kraken", [])
    assert (body["last_frame_age_s"], body["checksums_verified"], body["symbols"]) == (None, None, None)


def test_a_feed_has_its_figures_and_incidents(client):
    models.FeedEvent.objects.create(market="kraken", time=NOON, kind="gap", symbol="XRP/USD", detail="3 trades")
    models.FeedEvent.objects.create(market="simulated:1", time=NOON, kind="connect")
    bus.write_feed_state({"market": "kraken", "connected": True, "checksums_verified": 7, "last_published_at_s": 1.0})

    body = client.get("/api/v1/feed/").json()

    assert (body["connected"], body["checksums_verified"]) == (True, 7)
    assert [event["detail"] for event in body["events"]] == ["3 trades"]


def test_all_that_a_feed_counts_and_measures_is_reported_as_it_is(client):
    health = FeedHealth(started_ns=ns_of(NOON))
    health.observe([InstrumentsChanged((instrument("XRP/USD"),)), Heartbeat(), LagMeasured(45_000_000)], ns_of(NOON))
    recording = {"file": "kraken/a.paddock", "bytes": 7, "messages": 5, "dropped": 0}
    state = {"source": "kraken", "market": "kraken", "frames": 1, "last_sequence": 1, "recording": recording}
    bus.write_feed_state({**state, "connections": 3, **health.report(ns_of(NOON), {}, 1.0)})

    body = client.get("/api/v1/feed/").json()

    assert body["connections"] == {"used": 3, "limit": 120, "window_s": 600}
    assert (body["lag_ms"]["newest"], body["lag_ms"]["p50"], body["heartbeat_age_s"]) == (45.0, 45.0, 0.0)
    assert (body["uptime_s"], body["connected_s"], body["connected_share"]) == (0.0, None, None)
    assert (body["recording"], body["gaps"], body["repairs"]) == (recording, 0, 0)
    assert body["symbols"]["XRP/USD"]["book_age_s"] is None
    assert set(health.report(ns_of(NOON), {}, 1.0)) <= set(FeedSerializer().fields)


def test_how_many_connections_are_used_is_null_when_the_feed_does_not_report_it(client):
    assert client.get("/api/v1/feed/").json()["connections"] == {"used": None, "limit": 120, "window_s": 600}


def make_events() -> None:
    for kind, symbol in (("gap", "XRP/USD"), ("gap", ""), ("refused", "XBT/USD"), ("connect", "")):
        models.FeedEvent.objects.create(market="kraken", time=NOON, kind=kind, symbol=symbol)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({}, ["connect", "refused", "gap", "gap"]),
        ({"kind": "gap"}, ["gap", "gap"]),
        ({"kind": "gap", "symbol": "XRP/USD"}, ["gap"]),
        ({"symbol": "XBT/USD"}, ["refused"]),
        ({"limit": "2"}, ["connect", "refused"]),
        ({"kind": "late"}, []),
    ],
)
def test_feed_events_come_newest_first_and_only_those_asked_for(client, query, kinds):
    make_events()

    assert [event["kind"] for event in client.get("/api/v1/feed/", query).json()["events"]] == kinds


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"kind": "trade_gap"}, "kind is 'trade_gap'; expected one of connect, disconnect, resync, gap, repair, "),
        ({"symbol": "DOGE/USD"}, "symbol is 'DOGE/USD'; expected one of XRP/USD, XBT/USD"),
        ({"symbol": "\x00"}, "symbol is '\\x00'; expected one of XRP/USD, XBT/USD"),
        ({"limit": "1001"}, "limit is '1001'; expected a whole number from 1 to 1000"),
    ],
)
def test_a_question_about_feed_events_that_makes_no_sense_is_refused(client, query, complaint):
    make_events()

    answer = client.get("/api/v1/feed/", query)

    assert answer.status_code == 400
    assert answer.json()["errors"][next(iter(query))][0].startswith(complaint)


def test_coverage_has_what_is_stored_and_what_is_missing(client):
    make_candles(10)
    models.Candle.objects.filter(start__in=[NOON + timedelta(minutes=at) for at in (2, 3, 4, 7)]).delete()

    (series,) = client.get("/api/v1/coverage/", {"symbol": "XRP/USD", "timeframe": "1m", "limit": 1}).json()

    gap = {"start": "2026-07-07T12:02:00Z", "end": "2026-07-07T12:05:00Z", "candles": 3}
    assert series == {
        "market": "kraken",
        "symbol": "XRP/USD",
        "timeframe": "1m",
        "first": "2026-07-07T12:00:00Z",
        "last": "2026-07-07T12:09:00Z",
        "present": 6,
        "missing": 4,
        "gap_count": 2,
        "gaps": [gap],
    }


def test_coverage_of_an_imported_pair_that_no_feed_has_named_is_reported(client):
    make_candles(1)
    models.Candle.objects.update(symbol="SOL/USD")

    assert [series["symbol"] for series in client.get("/api/v1/coverage/").json()] == ["SOL/USD"]
    assert client.get("/api/v1/coverage/", {"symbol": "SOL/USD"}).status_code == 200


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"symbol": "ETH/USD"}, "symbol is 'ETH/USD'; expected one of XRP/USD"),
        ({"timeframe": "2h"}, "timeframe is '2h'; expected one of 1m, 5m, 15m, 1h, 4h, 1d"),
        ({"limit": "no"}, "limit is 'no'; expected a whole number from 1 to 10000"),
    ],
)
def test_a_question_about_coverage_that_makes_no_sense_is_refused(client, query, complaint):
    answer = client.get("/api/v1/coverage/", query)

    assert (answer.status_code, answer.json()["errors"]) == (400, {next(iter(query)): [complaint]})


def test_the_market_can_be_read_while_redis_is_away(client, monkeypatch):
    def away():
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(bus, "redis_client", away)

    feed, instruments = client.get("/api/v1/feed/"), client.get("/api/v1/instruments/")

    assert (feed.status_code, feed.json()["connected"]) == (200, False)
    assert instruments.status_code == 200


def test_the_instruments_are_those_of_the_market_that_is_published(client):
    body = client.get("/api/v1/instruments/").json()

    assert [row["symbol"] for row in body] == ["XRP/USD"]
    assert isinstance(body[0]["price_increment"], str)


def test_candles_come_oldest_first_and_exact(client):
    make_candles(5)

    body = client.get("/api/v1/candles/", {"symbol": "XRP/USD", "limit": 3}).json()

    assert [candle["trades"] for candle in body] == [2, 3, 4]
    assert Decimal(body[0]["open"]) == Decimal("1.25")
    assert isinstance(body[0]["open"], str)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({}, "symbol is ''; expected one of XRP/USD"),
        ({"symbol": "ETH/USD"}, "symbol is 'ETH/USD'; expected one of XRP/USD"),
        ({"symbol": "XRP/USD", "limit": "0"}, "limit is '0'; expected a whole number from 1 to 10000"),
        ({"symbol": "XRP/USD", "limit": "³"}, "limit is '³'; expected a whole number from 1 to 10000"),
        ({"symbol": "XRP/USD\x00", "limit": "1"}, "symbol is 'XRP/USD\\x00'; expected one of XRP/USD"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_what_would_have(client, query, complaint):
    answer = client.get("/api/v1/candles/", query)

    assert answer.status_code == 400
    assert answer.json()["errors"] in ({"symbol": [complaint]}, {"limit": [complaint]})


def test_candles_of_a_longer_timeframe_come_when_asked_for(client):
    make_candles(2)
    models.Candle.objects.filter(start=NOON).update(timeframe="1h")

    hours = client.get("/api/v1/candles/", {"symbol": "XRP/USD", "timeframe": "1h"}).json()
    unknown = client.get("/api/v1/candles/", {"symbol": "XRP/USD", "timeframe": "2h"})

    assert [datetime.fromisoformat(hour["start"]) for hour in hours] == [NOON]
    assert unknown.json()["detail"] == "timeframe is '2h'; expected one of 1m, 5m, 15m, 1h, 4h, 1d"


@pytest.mark.parametrize("path", ["feed", "instruments", "candles", "coverage"])
def test_the_market_cannot_be_changed(admin_client, path):
    assert admin_client.post(f"/api/v1/{path}/", {}).status_code == 405


@pytest.mark.parametrize("model", ["instrument", "candle", "marketcheckpoint", "feedevent"])
def test_the_admin_shows_facts_and_changes_none(admin_client, model):
    make_candles(1)
    models.MarketCheckpoint.objects.create(market="kraken", sequence=1, time=NOON, payload=b"")
    models.FeedEvent.objects.create(market="kraken", time=NOON, kind="gap")
    first = apps.get_model("marketdata", model).objects.first()

    pages = [
        admin_client.get(f"/admin/marketdata/{model}/"),
        admin_client.get(f"/admin/marketdata/{model}/{first.pk}/change/"),
    ]

    assert [page.status_code for page in pages] == [200, 200]
    assert admin_client.get(f"/admin/marketdata/{model}/add/").status_code == 403
