"""One instrument's page as it is served."""

import pytest
from tests.rows import *
from marketdata.models import Instrument
from decimal import Decimal


@pytest.mark.django_db
def test_smoke(client):
    run_feed()
    s = open_season()
    d = enter(s, "alpha")
    fill(d, 1)
    Instrument.objects.create(
        market=MARKET,
        symbol="BTC/USD",
        base="BTC",
        quote="USD",
        price_decimals=1,
        qty_decimals=8,
        price_increment="0.1",
        qty_increment="0.00000001",
        qty_min="0.0001",
        cost_min="5",
        status="online",
    )
    r = client.get("/markets/BTC-USD/")
    assert r.status_code == 200
    print(r.content.decode()[3000:])
    assert client.get("/markets/").status_code == 200
    for u in (
        "",
        "BTC-USD/",
        "BTC-USD/fills/",
        "BTC-USD/indicators/",
        "BTC-USD/indicators/?name=rsi&period=14&timeframe=5m",
        "BTC-USD/book/",
        "BTC-USD/tape/",
    ):
        r = client.get("/api/v1/markets/" + u)
        print(u, r.status_code, r.content[:500])
    print(client.get("/markets/X/").content.decode()[-900:])
