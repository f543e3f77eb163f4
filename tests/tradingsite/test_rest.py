"""What all answers of the API have in common."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from tests.rows import NOON, enter, fill, open_season
from tradingsite.rest.tables import cell, flat

pytestmark = pytest.mark.django_db
FILLS = "/api/v1/deployments/a/fills/"


@pytest.fixture
def row():
    row = enter(open_season(), "a")
    for number in range(5):
        fill(row, number, time=NOON + timedelta(seconds=number), reason="=1+1" if number == 3 else "plain, and quoted")
    return row


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_a_problem_names_the_field_the_value_and_what_would_be_right(client, row):
    answer = client.get(FILLS, {"limit": "many"})

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "limit is 'many'; expected a whole number from 1 to 1000",
        "instance": FILLS,
        "errors": {"limit": ["limit is 'many'; expected a whole number from 1 to 1000"]},
    }


@pytest.mark.parametrize(
    ("method", "address", "options", "status"),
    [
        ("get", "/api/v1/nothing/", {}, 404),
        ("get", "/api/v1/fills/9999/", {}, 404),
        ("delete", "/api/v1/league/", {}, 405),
        ("get", "/api/v1/league/?format=xml", {}, 400),
        ("post", "/api/v1/deployments/a/pause/", {"data": "{", "content_type": "application/json"}, 400),
        ("post", "/api/v1/deployments/a/pause/", {"data": "x", "content_type": "text/plain"}, 415),
    ],
)
def test_whatever_goes_wrong_is_a_problem(admin_client, row, method, address, options, status):
    answer = getattr(admin_client, method)(address, **options)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert {"title", "status", "detail", "instance"} <= answer.json().keys()


def test_pages_do_not_shift_while_rows_are_added(client, row):
    first = client.get(FILLS, {"limit": 2}).json()
    fill(row, 9, time=NOON + timedelta(minutes=1))
    second = client.get(first["next"]).json()

    assert [f["sequence"] for f in first["results"] + second["results"]] == [4, 3, 2, 1]


@pytest.mark.parametrize("cursor", ["x", "cD1hYmM=", "%00"])
def test_an_unknown_cursor_is_refused(client, row, cursor):
    answer = client.get(f"{FILLS}?cursor={cursor}")

    assert answer.status_code == 400
    assert "expected that of `next`" in answer.json()["errors"]["cursor"][0]


def test_a_table_has_every_row_with_exact_numbers_and_runs_no_formula(client, row):
    answer = client.get(FILLS, {"format": "csv", "limit": 2})
    rows = table(answer)

    assert answer.headers["Content-Disposition"] == 'attachment; filename="paddock-deployments-a-fills.csv"'
    assert [r["sequence"] for r in rows] == ["4", "3", "2", "1", "0"]
    assert (rows[0]["qty"], rows[0]["reason"], rows[1]["reason"]) == ("0.0005", "plain, and quoted", "'=1+1")
    assert rows[0]["evidence.rule"] == "depth_walk"


def test_a_table_of_the_league_has_one_line_for_each(client, row):
    (line,) = table(client.get("/api/v1/league/", {"format": "csv"}))

    assert (line["slug"], line["equity"]) == ("a", "100")


def test_the_root_names_every_address_there_is(client, row):
    root = client.get("/api/v1/").json()

    known = {each["path"]: each["methods"] for each in root["endpoints"]}
    assert known["/api/v1/league/"] == ["GET"]
    assert known["/api/v1/deployments/{slug}/pause/"] == ["POST"]
    assert all(each["about"] for each in root["endpoints"])
    assert {path for path in known if "{" not in path and "GET" in known[path]} >= {"/api/v1/markets/", "/api/v1/feed/"}


def test_what_is_no_table_says_so(client, row):
    answer = client.get("/api/v1/deployments/a/", {"format": "csv"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"] == {"format": ["format is 'csv'; expected one of json"]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "true"), (Decimal("-1.50"), "-1.50"), ("-1e3", "-1e3"), ("@sum", "'@sum"), ([1], "[1]")],
)
def test_cells_are_safe_and_numbers_stay_numbers(value, shown):
    assert cell(value) == shown


def test_what_is_nested_has_dotted_names():
    assert flat({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}


def test_an_answer_that_has_not_changed_is_not_sent_again(client, row):
    first = client.get(FILLS)
    again = client.get(FILLS, headers={"If-None-Match": first.headers["ETag"]})
    fill(row, 9)
    changed = client.get(FILLS, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


def test_too_many_requests_are_answered_with_when_to_retry(admin_client, row, monkeypatch):
    monkeypatch.setattr("tradingsite.rest.throttles.Changers.THROTTLE_RATES", {"change": "2/min"})
    cache.clear()

    answers = [admin_client.post("/api/v1/deployments/a/pause/", content_type="application/json") for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 61
