"""The examples of the API's description are answers: each is requested again, on the league that it shows.

`PADDOCK_WRITE_EXAMPLES=1` writes them down as they are now.
"""

from __future__ import annotations

import json
import os
import re

import pytest
from drf_spectacular.generators import SchemaGenerator

from marketdata import bus
from portfolios.models import Balance, LedgerEntry, Order, Position, RoundTrip
from strategies.deployments.terms import TERMS
from tests.listening import ReceivedMarket, forget_all, list_pair, store
from tests.rows import NOON, drawn_curve, enter, fill, open_season, stand
from tradingsite.rest.schema import EXAMPLES

pytestmark = pytest.mark.django_db
PATHS = (
    *("/api/v1/league/", "/api/v1/deployments/", "/api/v1/deployments/{slug}/", "/api/v1/deployments/{slug}/fills/"),
    *("/api/v1/deployments/{slug}/orders/", "/api/v1/deployments/{slug}/round_trips/"),
    *("/api/v1/deployments/{slug}/positions/", "/api/v1/deployments/{slug}/balances/"),
    *("/api/v1/deployments/{slug}/ledger/", "/api/v1/deployments/{slug}/equity/", "/api/v1/deployments/{slug}/why/"),
    *("/api/v1/instruments/", "/api/v1/markets/", "/api/v1/markets/{slug}/", "/api/v1/markets/{slug}/book/"),
    *("/api/v1/markets/{slug}/tape/", "/api/v1/coverage/", "/api/v1/candles/"),
    "/api/v1/fee-schedules/",
)
TERM_NAMES = {term.api for term in TERMS.values()}
QUERIES = {"/api/v1/candles/": "?symbol=BTC/USD&timeframe=1m&limit=2", "/api/v1/markets/{slug}/book/": "?levels=2"}
# What differs at each request: numbers of rows, and the time on the wall.
PASSING = re.compile(
    r'"(id|created_at|updated_at|started_at|opened_at|saved_at|age_s|book_age_s|[a-z_]*hash)": ("[^"]*"|[0-9.]+)'
)


@pytest.fixture
def league():
    forget_all()
    market = ReceivedMarket()
    market.tell("640003 x 30\n640001 x 20\n---\n640000 x 10\n639998 x 15", trades="buy 640001 x 5\nsell 640000 x 7")
    list_pair()
    store([64_000, 64_010, 64_005], end=NOON)
    deployment = enter(open_season(), "alpha", name="Alpha")
    account = deployment.account
    drawn_curve(deployment, points=4)
    stand(
        deployment, "101.25", realised="1.5", unrealised="-0.25", fees="0.256", fills=2, round_trips=1, wins=1,
        exposure="32", last_fill_at=NOON, drawdown_pct="0.5", max_drawdown_pct="1.25", why={"no_cross": 12},
    )  # fmt: skip
    fill(deployment, 1)
    of_trade = {"account": account, "symbol": "BTC/USD", "sequence": 1}
    Order.objects.create(
        **of_trade, order_id="alpha-1", side="buy", type="market", time_in_force="gtc", status="filled", qty="0.0005",
        filled_qty="0.0005", average_price=64_000, purpose="entry", reason="random entry", signal_code="heads",
        fill_model="realistic-1", created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    RoundTrip.objects.create(
        **of_trade, trip_id="alpha-0", qty="0.0005", entry_price=61_000, exit_price=64_512, fees="0.256", result="1.5",
        mae="-0.4", mfe="2", exit_code="take_profit", opened_at=NOON, closed_at=NOON,
    )  # fmt: skip
    Position.objects.create(
        account=account, symbol="BTC/USD", qty="0.0005", average_price=64_000, fees="0.128", opened_at=NOON, as_of=NOON
    )
    Balance.objects.create(account=account, currency="USD", amount="69.25")
    LedgerEntry.objects.create(
        account=account, entry_id="alpha-1-0-cost", party="account", currency="USD", amount="-32", kind="trade",
        fill_id="alpha-1-0", sequence=1, time=NOON,
    )  # fmt: skip
    yield
    bus.redis_client().flushall()


def answer(client, path):
    slug = "BTC-USD" if "markets" in path else "alpha"
    answered = client.get(path.replace("{slug}", slug) + QUERIES.get(path, ""))
    assert answered.status_code == 200, answered.content
    steady = PASSING.sub(lambda found: f'"{found[1]}": {_steady(found[2])}', json.dumps(answered.json()))
    return json.loads(steady)


def _steady(value):
    if value.startswith('"'):
        return '"2026-07-07T12:00:00Z"' if re.match(r'"\d{4}-', value) else '"0f3a"'
    return "1"


def test_each_example_is_what_is_answered(client, league):
    answered = {f"GET {path}": answer(client, path) for path in PATHS}
    if os.environ.get("PADDOCK_WRITE_EXAMPLES"):
        EXAMPLES.write_text(json.dumps(answered, indent=1, ensure_ascii=False) + "\n")

    examples = json.loads(EXAMPLES.read_text())
    assert {name: without_newer_terms(data, examples[name]) for name, data in answered.items()} == examples


def without_newer_terms(answered, example):
    """Return an answer without the terms of deployments that were declared after the example was written."""
    if isinstance(answered, list):
        return [without_newer_terms(*each) for each in zip(answered, example, strict=True)]
    if not isinstance(answered, dict):
        return answered
    known = {key: value for key, value in answered.items() if key in example or key not in TERM_NAMES}
    return {key: without_newer_terms(value, example.get(key)) for key, value in known.items()}


def test_the_description_shows_them():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    examples = json.loads(EXAMPLES.read_text())

    shown = {
        f"GET {path}": methods["get"]["responses"]["200"]["content"]["application/json"].get("example")
        for path, methods in paths.items()
        if f"GET {path}" in examples
    }
    assert shown == examples
    assert len(examples) == len(PATHS)
