"""`python -m paddock_client`, as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.rows import fill
from tests.serving import at_the_prompt

pytestmark = pytest.mark.django_db(transaction=True)


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
