"""Requests: what is tried again and what never is, and answers that no sound server gives, from a small one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from paddock_client import Paddock, Refused, TooManyRequests, UnexpectedAnswer, Unreachable, backoff
from paddock_client.server import TRIES
from tests.processes import ROOT, free_port


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
    """Serve these answers one after another, the last for ever; yield the requests, too."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers[min(len(requests), len(answers) - 1)]
            requests.append(f"{self.command} {self.path}")
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
            yield client, requests
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)


NO_TIME = {"name": "season", "at": None, "since": None, "until": None, "ticks": []}
EMPTY = {"season": None, "market": None, "window": NO_TIME, "rows": [], "totals": []}


def test_reading_is_tried_again_and_a_change_never(quick):
    busy = (503, {"Retry-After": "0"}, "")
    with server(busy, busy, (200, {}, json.dumps(EMPTY))) as (client, requests):
        assert client.league().rows == []
        assert requests == ["GET /sub/api/v1/league/"] * 3
    with server(busy) as (client, requests):
        with pytest.raises(Refused, match="503"):
            client.reset("a")
        assert requests == ["POST /sub/api/v1/deployments/a/reset/"]


def test_a_server_that_is_busy_for_long_is_given_up(quick):
    problem = json.dumps({"type": "about:blank", "title": "Too many", "status": 429, "detail": "120 a minute"})
    with server((429, {"Retry-After": "0"}, problem)) as (client, requests):
        with pytest.raises(TooManyRequests, match="429 Too many: 120 a minute"):
            client.league()
        assert len(requests) == TRIES


def test_problem_details_are_given_by_field(quick):
    sentence = "since is 'x'; expected a time"
    problem = {"title": "Bad Request", "status": 400, "detail": sentence, "errors": {"since": [sentence]}}
    with server((400, {}, json.dumps(problem))) as (client, _), pytest.raises(Refused) as refused:
        client.league()

    assert refused.value.errors == {"since": [sentence]}
    assert str(refused.value) == "400 Bad Request: since is 'x'; expected a time"


@pytest.mark.parametrize(
    "body",
    ["<html>", "[]", "{}", *(EMPTY | each for each in ({"season": 3}, {"market": 1}, {"rows": [{"slug": "a"}]}))],
    ids=str,
)
def test_an_answer_of_something_else_than_a_paddock_is_no_crash(body, quick):
    with (
        server((200, {}, body if isinstance(body, str) else json.dumps(body))) as (client, _),
        pytest.raises(UnexpectedAnswer),
    ):
        client.league()


def test_of_the_link_to_the_next_page_only_the_place_is_followed(quick):
    first = {"next": "http://elsewhere.example/api/v1/deployments/?cursor=abc", "results": []}
    with server((200, {}, json.dumps(first)), (200, {}, '{"next": null, "results": []}')) as (client, requests):
        assert list(client.deployments()) == []

    assert requests == ["GET /sub/api/v1/deployments/", "GET /sub/api/v1/deployments/?cursor=abc"]


def test_no_server_is_said_to_be_none(quick):
    with Paddock(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable, match="in 4 tries"):
        client.league()


def test_what_a_proxy_answers_instead_of_the_server_is_known_by_its_status():
    with server((413, {}, "<html>too large</html>")) as (client, _), pytest.raises(Refused, match="413"):
        client.league()


def test_a_time_without_a_zone_is_refused_before_anything_is_requests():
    client = Paddock("http://127.0.0.1:8000")

    with pytest.raises(ValueError, match="since is 2026-07-07T12:00:00, without a zone"):
        list(client.fills("alpha", since=datetime(2026, 7, 7, 12)))  # noqa: DTZ001 - it is the point
