from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis
from django.apps import apps

from marketdata import bus, models
from marketdata.services import record_instruments
from tests.drawing import instrument

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


def test_a_feed_tells_its_figures_and_incidents(client):
    models.FeedEvent.objects.create(market="kraken", time=NOON, kind="trade_gap", symbol="XRP/USD", detail="3 trades")
    models.FeedEvent.objects.create(market="simulated:1", time=NOON, kind="connected")
    bus.write_feed_state({"market": "kraken", "connected": True, "checksums_verified": 7, "last_published_at_s": 1.0})

    body = client.get("/api/v1/feed/").json()

    assert (body["connected"], body["checksums_verified"]) == (True, 7)
    assert [event["detail"] for event in body["events"]] == ["3 trades"]


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
    assert answer.json() in ({"symbol": complaint}, {"limit": complaint})


def test_candles_of_a_longer_timeframe_come_when_asked_for(client):
    make_candles(2)
    models.Candle.objects.filter(start=NOON).update(timeframe="1h")

    hours = client.get("/api/v1/candles/", {"symbol": "XRP/USD", "timeframe": "1h"}).json()
    unknown = client.get("/api/v1/candles/", {"symbol": "XRP/USD", "timeframe": "2h"})

    assert [datetime.fromisoformat(hour["start"]) for hour in hours] == [NOON]
    assert unknown.json() == {"timeframe": "timeframe is '2h'; expected one of 1m, 5m, 15m, 1h, 4h, 1d"}


@pytest.mark.parametrize("path", ["feed", "instruments", "candles"])
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
