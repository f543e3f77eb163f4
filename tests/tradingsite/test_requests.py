import json
import logging
import re

import pytest
import structlog

from tradingsite.logs import add_place, logging_config
from tradingsite.web_metrics import WEB

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("given", ["0123456789abcdef", "trace-7.of_mine"])
def test_a_well_formed_id_of_the_senders_is_kept(client, given):
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "short", "x" * 200, "two words", "line\nbreak", 'quote"', "ünicode-id-123"])
def test_any_other_is_replaced_by_one_of_ours(client, given):
    returned = client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]

    assert re.fullmatch(r"[0-9a-f]{32}", returned)


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/static/dashboard/paddock.css", "/api/v1/league/", "/admin/"])
def test_every_answer_has_an_id(client, path):
    assert client.get(path).headers["X-Request-Id"]


def test_a_request_is_counted_by_the_name_of_its_address(client):
    before = WEB.requests[("deployment", "GET", "404")]

    client.get("/deployments/nobody")

    assert WEB.requests[("deployment", "GET", "404")] == before + 1


def test_a_line_logged_inside_carries_what_is_bound_and_where_the_process_is(capsys):
    formatter = logging_config(as_json=True, level="INFO")["formatters"]["line"]
    kind = formatter.pop("()")
    record = logging.LogRecord("strategy", logging.INFO, "", 0, "closes are %s", ("odd",), None)

    with structlog.contextvars.bound_contextvars(request_id="r-1", at=lambda: {"deployment": "alpha", "frame": 7}):
        line = json.loads(kind(**formatter).format(record))

    assert line.pop("timestamp")
    assert line == {
        "event": "closes are odd",
        "level": "info",
        "logger": "strategy",
        "request_id": "r-1",
        "deployment": "alpha",
        "frame": 7,
    }


def test_what_a_line_says_itself_goes_before_where_the_process_is():
    event = add_place(None, "info", {"event": "x", "frame": 3, "at": lambda: {"frame": 7}})

    assert event == {"event": "x", "frame": 3}
