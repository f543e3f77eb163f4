"""The client reads a league over HTTP, on the real site; answers that no sound server gives come from a small one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice

import pytest
from rest_framework.authtoken.models import Token

from marketdata import bus, models
from marketdata.services import record_instruments
from paddock_client import (
    NotAllowed,
    NotFound,
    Paddock,
    Refused,
    TooManyRequests,
    UnexpectedAnswer,
    Unreachable,
    paddock,
    patience,
)
from paddock_client.spelling import plain
from strategies.models import Deployment
from tests.drawing import instrument
from tests.processes import ROOT, free_port
from tests.rows import MARKET, NOON, enter, fill, open_season, run_feed, stand
from tests.serving import at_the_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def league() -> Iterator[dict[str, Deployment]]:
    run_feed()
    season = open_season()
    rows = {slug: enter(season, slug) for slug in ("alpha", "bravo")}
    stand(rows["alpha"], "103.5", round_trips=4, wins=3)
    stand(rows["bravo"], "99")
    yield rows
    bus.clear_feed_state()


@pytest.fixture
def site(live_server, league) -> Iterator[Paddock]:
    with Paddock(live_server.url) as client:
        yield client


@pytest.fixture
def trader(live_server, league, django_user_model) -> Iterator[Paddock]:
    token = Token.objects.create(user=django_user_model.objects.create_superuser("ann"))
    with Paddock(live_server.url, token.key) as client:
        yield client


def test_the_league_is_read_with_exact_numbers(site):
    league = site.league()

    assert (league.season.number, league.market) == (1, "simulated:7")
    assert [(row.rank, row.slug, row.equity) for row in league.rows][:2] == [
        (1, "alpha", Decimal("103.5")),
        (2, "bravo", Decimal(99)),
    ]
    assert league.rows[0].win_rate == 75
    assert league.totals[0].equity == Decimal("202.5")


def test_a_list_is_read_page_by_page_in_order(site, league):
    for number in range(230):
        fill(league["alpha"], number, symbol="ETH/USD" if number % 10 else "BTC/USD", time=NOON + timedelta(number))

    every = list(site.fills("alpha"))
    narrowed = list(site.fills("alpha", symbol="BTC/USD", since=NOON + timedelta(100)))

    assert [each.sequence for each in every] == list(range(229, -1, -1))
    assert [each.sequence for each in narrowed] == list(range(220, 90, -10))
    assert (every[0].price, every[0].time) == (Decimal(64_000), NOON + timedelta(229))


def test_no_more_pages_are_asked_for_than_are_read(site, league, monkeypatch):
    for number in range(150):
        fill(league["alpha"], number)
    asked = []
    monkeypatch.setattr(
        site._http, "send", lambda request, send=site._http.send: (asked.append(request), send(request))[1]
    )

    list(islice(site.fills("alpha"), 10))

    assert len(asked) == 1


def test_everything_else_that_can_be_read_has_its_type(site, league):
    fill(league["alpha"])

    assert [each.slug for each in site.deployments(status="enabled")] == ["alpha", "bravo"]
    assert site.deployment("alpha").standing.rank == 1
    assert list(site.orders("alpha")) == list(site.round_trips("alpha")) == list(site.ledger("alpha")) == []
    assert (site.equity("alpha", points=10).stake, site.equity("alpha").points) == (100, [])
    assert site.feed().symbols["BTC/USD"].bid == Decimal(64_000)


def test_candles_are_read_oldest_first(site):
    bus.announce_market(MARKET)
    record_instruments(market=MARKET, instruments=[instrument("XRP/USD")])
    for minute, price in enumerate(("1.25", "1.5")):
        prices = dict.fromkeys(("open", "high", "low", "close", "volume"), Decimal(price))
        start = NOON + timedelta(minutes=minute)
        models.Candle.objects.create(market=MARKET, symbol="XRP/USD", start=start, trades=1, **prices)

    assert [candle.close for candle in site.candles("XRP/USD", limit=5)] == [Decimal("1.25"), Decimal("1.5")]
    with pytest.raises(Refused, match=r"symbol is 'DOGE/USD'; expected one of XRP/USD"):
        site.candles("DOGE/USD")


def test_what_the_server_refuses_is_raised_with_its_reason(site):
    with pytest.raises(NotFound, match="'nobody'"):
        site.deployment("nobody")
    with pytest.raises(NotFound):
        site.deployment("../league")
    with pytest.raises(Refused) as refused:
        site.equity("alpha", points=1)

    assert refused.value.status == 400
    assert "expected a whole number" in refused.value.errors["points"][0]


def test_a_change_needs_a_token_and_is_done_once(site, trader):
    with pytest.raises(NotAllowed):
        site.pause("alpha", "lunch")

    paused = trader.pause("alpha", "lunch")
    account = Deployment.objects.get(slug="alpha").account_id
    reset = trader.reset("alpha")
    enabled = trader.enable("alpha")

    assert (paused.status, paused.status_reason) == ("paused", "lunch")
    assert Deployment.objects.get(slug="alpha").account_id != account
    assert (reset.status, enabled.status) == ("paused", "enabled")


def test_the_league_is_printed_at_the_prompt(live_server, league):
    printed = at_the_prompt("league", url=live_server.url)
    as_json = at_the_prompt("league", "--json", url=live_server.url)

    assert (printed.returncode, printed.stderr) == (0, "")
    lines = printed.stdout.splitlines()
    assert lines[0] == "Season 1: Test league on simulated:7"
    assert lines[2].split()[:7] == ["1", "Alpha", "103.50", "USD", "+3.50", "4", "75"]
    assert json.loads(as_json.stdout)["rows"][0]["equity"] == "103.5"


def test_fills_are_printed_at_the_prompt(live_server, league):
    for number in range(3):
        fill(league["alpha"], number)

    printed = at_the_prompt("fills", "alpha", "--limit", "2", url=live_server.url)
    as_json = at_the_prompt("fills", "alpha", "--json", url=live_server.url)

    assert len(printed.stdout.splitlines()) == 2
    assert "BTC/USD buy 0.0005 at 64000 fee 0.128 USD" in printed.stdout
    assert [json.loads(line)["sequence"] for line in as_json.stdout.splitlines()] == [2, 1, 0]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("fills", "nobody"), 1, "'nobody'"),
        (("follow", "rumours"), 1, "there is no channel called 'rumours'; expected some of events, feed"),
        (("follow", "league", "--after", "1-1"), 1, "states have no past"),
        (("fills",), 2, "slug"),
        (("fills", "alpha", "--limit", "none"), 2, "expected a whole number above zero"),
        ((), 2, "required"),
    ],
)
def test_what_cannot_be_done_at_the_prompt_says_why(live_server, league, arguments, code, words):
    done = at_the_prompt(*arguments, url=live_server.url if arguments else None)

    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_none_is_refused_at_once():
    for address in ("localhost:8000", "ftp://here", "", "http://"):
        with pytest.raises(ValueError, match="expected one like http"):
            Paddock(address)


def test_a_token_is_not_shown():
    assert "secret" not in repr(Paddock("http://127.0.0.1:8000", "secret"))


def test_the_client_needs_nothing_of_the_server():
    program = (
        "import sys, paddock_client, paddock_client.__main__\n"
        "print({name.split('.')[0] for name in sys.modules} & {'django', 'msgspec', 'rest_framework', 'trading'})"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "client", capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


@contextmanager
def server(*answers: tuple[int, dict[str, str], str]) -> Iterator[tuple[Paddock, list[str]]]:
    """Serve these answers one after another, the last for ever; tell what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(f"{self.command} {self.path}")
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - as the server looks for it

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        with Paddock(f"http://127.0.0.1:{http.server_port}/sub") as client:
            yield client, asked
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(patience, "FIRST_S", 0.001)


EMPTY = json.dumps({"season": None, "market": None, "rows": [], "totals": []})


def test_reading_is_tried_again_and_a_change_never(quick):
    busy = (503, {"Retry-After": "0"}, "")
    with server(busy, busy, (200, {}, EMPTY)) as (client, asked):
        assert client.league().rows == []
        assert asked == ["GET /sub/api/v1/league/"] * 3
    with server(busy) as (client, asked):
        with pytest.raises(Refused, match="503"):
            client.reset("a")
        assert asked == ["POST /sub/api/v1/deployments/a/reset/"]


def test_a_server_that_is_busy_for_long_is_given_up(quick):
    problem = json.dumps({"type": "about:blank", "title": "Too many", "status": 429, "detail": "120 a minute"})
    with server((429, {"Retry-After": "0"}, problem)) as (client, asked):
        with pytest.raises(TooManyRequests, match="429 Too many: 120 a minute"):
            client.league()
        assert len(asked) == paddock.TRIES


def test_problem_details_are_told_by_field(quick):
    problem = {"title": "Invalid", "status": 400, "detail": "", "errors": {"since": ["'x' was given; expected a time"]}}
    with server((400, {}, json.dumps(problem))) as (client, _), pytest.raises(Refused) as refused:
        client.league()

    assert refused.value.errors == {"since": ["'x' was given; expected a time"]}
    assert str(refused.value) == "400 Invalid: since: 'x' was given; expected a time"


@pytest.mark.parametrize(
    "body",
    [
        "<html>", "[]", "{}", '{"season": 3, "market": null, "rows": [], "totals": []}',
        '{"season": null, "market": 1, "rows": [], "totals": []}',
        '{"season": null, "market": null, "rows": [{"slug": "a"}], "totals": []}',
    ],
)  # fmt: skip
def test_an_answer_of_something_else_than_a_paddock_is_no_crash(body, quick):
    with server((200, {}, body)) as (client, _), pytest.raises(UnexpectedAnswer):
        client.league()


def test_of_the_link_to_the_next_page_only_the_place_is_followed(quick):
    first = {"next": "http://elsewhere.example/api/v1/deployments/?cursor=abc", "results": []}
    with server((200, {}, json.dumps(first)), (200, {}, '{"next": null, "results": []}')) as (client, asked):
        assert list(client.deployments()) == []

    assert asked == ["GET /sub/api/v1/deployments/", "GET /sub/api/v1/deployments/?cursor=abc"]


def test_no_server_is_said_to_be_none(quick):
    with Paddock(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable, match="in 4 tries"):
        client.league()


def test_a_thing_is_plain_json_again(site, league):
    told = plain(site.league())

    assert json.loads(json.dumps(told))["rows"][0]["equity"] == "103.5"
