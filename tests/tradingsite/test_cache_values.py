"""What Redis keeps for the pages: data that comes back as it was, and nothing that runs."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.cache import cache

from dashboard.page.cached import cached
from marketdata import bus
from marketdata.history.day import DayFigures

DAY = DayFigures(
    symbol="BTC/USD",
    timeframe="1m",
    first=datetime(2026, 7, 7, tzinfo=UTC),
    since=datetime(2026, 7, 7, tzinfo=UTC),
    present=7,
    high=Decimal("64000.10"),
    low=Decimal(1),
    open=Decimal(2),
    close=Decimal(3),
    volume=Decimal("0.00000001"),
    value=Decimal(5),
)


class Trap:
    sprung = False

    def __reduce__(self):
        return (spring, ())


def spring():
    Trap.sprung = True
    return {}


def raw(key):
    return bus.redis_client().get(cache.make_key(key))


def test_a_value_comes_back_as_it_was_and_is_kept_without_a_pickle():
    cache.delete("days:x")
    first = cached("days:x", dict[str, DayFigures], lambda: {"BTC/USD": DAY}, 60)
    again = cached("days:x", dict[str, DayFigures], dict, 60)

    assert first == again == {"BTC/USD": DAY}
    assert not raw("days:x").startswith(b"\x80")
    assert b"DayFigures" not in raw("days:x")


@pytest.mark.parametrize("value", [0, -7, 1.5, True, None, "text", b"bytes", [1.0, 2.0], {"a": {"b": []}}])
def test_plain_values_come_back_as_they_were(value):
    cache.set("plain", value, 60)

    assert cache.get("plain") == value
    assert type(cache.get("plain")) is type(value)


def test_a_pickle_that_somebody_puts_into_redis_is_not_run():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        bus.redis_client().set(cache.make_key("days:y"), pickle.dumps(Trap(), protocol))
        assert cached("days:y", dict[str, DayFigures], lambda: {"BTC/USD": DAY}, 60) == {"BTC/USD": DAY}

    assert not Trap.sprung
    cache.delete("days:y")
