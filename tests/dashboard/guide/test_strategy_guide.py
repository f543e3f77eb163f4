"""The guide says what the code says: nothing of the contract is missing on it."""

from __future__ import annotations

import html
from enum import StrEnum

import pytest

from dashboard.guide.contract import Entry, chapters_of, fields_of, members_of, public_names
from strategies import authoring
from trading import indicators
from trading.market_snapshot import MarketSnapshot
from trading.portfolio import Holding, OpenOrder, Portfolio
from trading.signals import Amend, Cancel, NoSignal, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Strategy

PREFIXES = {DataSnapshot: "data.", MarketSnapshot: "data.", Portfolio: "portfolio.", Holding: ".", OpenOrder: "."}


@pytest.fixture
def page(client, db) -> str:
    return html.unescape(client.get("/docs/strategies/").content.decode())


@pytest.mark.parametrize(
    "cls", [Signal, Cancel, Amend, NoSignal, DataSnapshot, MarketSnapshot, Portfolio, Holding, OpenOrder]
)
def test_every_public_name_is_on_the_page_under_its_own_heading(page, cls):
    missing = [
        name
        for name in public_names(cls)
        if f"<b>{PREFIXES.get(cls, '')}{name}</b>" not in page and f"<b>{cls.__name__}.{name}</b>" not in page
    ]

    assert missing == []


def test_every_public_name_of_a_strategy_is_on_the_page(page):
    missing = [n for n in public_names(Strategy) if f"<code>{n}</code>" not in page and f"Strategy.{n}</b>" not in page]

    assert missing == []


def test_every_field_of_a_signal_says_what_it_means():
    assert [entry.name for entry in fields_of(Signal) if not entry.help] == []


def test_every_indicator_is_on_the_page(page):
    chapters = chapters_of(indicators)

    assert {"averages", "flow", "movement"} <= {chapter.name for chapter in chapters}
    for chapter in chapters:
        assert [e.name for e in chapter.entries if f"<b>{e.name}</b>" not in page] == [], chapter.name


def test_the_pages_strategy_is_the_readmes(page, settings):
    readme = (settings.BASE_DIR / "README.md").read_text()
    five_lines = readme.split("```python")[1].split("```")[0].strip("\n")

    assert f">{five_lines}\n</pre>" in page


def test_the_templates_are_shown_as_they_are_written(page):
    assert (authoring.PATTERNS / "minimal.py").read_text().rstrip() in page
    assert (authoring.PATTERNS / "full" / "signals.py").read_text().rstrip() in page


def test_the_guide_is_linked_from_every_page(client, db):
    assert 'href="/docs/strategies/"' in client.get("/").content.decode()


class Weather(StrEnum):
    """Made up."""

    FAIR = "fair"  # no cloud


class Place:
    __slots__ = ("_secret", "height")

    def __init__(self) -> None:
        self.height = 3  # metres
        self._secret = 1

    @property
    def weather(self) -> Weather:
        """As of now.

        Raises:
            LookupError: nobody knows.
        """
        return Weather.FAIR

    def seen_from(self, other: Place, *, far: int = 2) -> bool:
        """Return whether ``other`` sees it."""
        return bool(far)


def test_fields_methods_and_comments_are_read_from_the_source():
    assert fields_of(Weather) == [Entry("FAIR", "'fair'", help="no cloud")]
    assert members_of(Place) == [
        Entry("height", "", help="metres"),
        Entry("weather", "Weather", help="As of now.", raises="LookupError: nobody knows."),
        Entry("seen_from", "(other, far = 2) → bool", help="Return whether ``other`` sees it."),
    ]
