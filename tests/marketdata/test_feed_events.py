from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from marketdata.feed_events import FeedEventKind
from marketdata.models import FeedEvent
from marketdata.selectors import unrepaired_gaps

NOON = datetime(2026, 7, 7, 12, tzinfo=UTC)
migration = import_module("marketdata.migrations.0003_feed_event_kinds")

OLD = [
    ("connected", "connected to kraken"),
    ("disconnected", "nothing was received for 10 s"),
    ("trade_gap", "3 trades were never stored: ids 5 to 7"),
    ("book_checksum", "checksum is 1; the exchange says 2"),
    ("book_silent", "no snapshot in 10 s"),
    ("refused", "Exceeded msg rate"),
]
NEW = [
    ("connect", "connected to kraken"),
    ("disconnect", "nothing was received for 10 s"),
    ("gap", "3 trades were never stored: ids 5 to 7"),
    ("resync", "checksum: checksum is 1; the exchange says 2"),
    ("resync", "silent: no snapshot in 10 s"),
    ("refused", "Exceeded msg rate"),
]


def store(kind: str, *, symbol: str = "", minutes: float = 0, detail: str = "") -> None:
    time = NOON + timedelta(minutes=minutes)
    FeedEvent.objects.create(market="kraken", time=time, kind=kind, symbol=symbol, detail=detail)


def stored() -> list[tuple[str, str]]:
    return list(FeedEvent.objects.order_by("id").values_list("kind", "detail"))


def test_every_kind_says_what_it_means():
    assert [kind for kind in FeedEventKind if not kind.meaning.endswith(".")] == []
    assert dict(FeedEvent._meta.get_field("kind").choices) == {kind.value: kind.value for kind in FeedEventKind}


@pytest.mark.django_db
def test_old_kinds_get_their_new_names_and_lose_nothing():
    for kind, detail in OLD:
        store(kind, detail=detail)

    migration.close_the_vocabulary(apps, None)

    assert stored() == NEW
    migration.open_it_again(apps, None)
    assert stored() == OLD


@pytest.mark.django_db
def test_a_long_detail_still_fits_after_its_kind_moved_into_it():
    store("book_number", detail="x" * 500)

    migration.close_the_vocabulary(apps, None)

    assert stored() == [("resync", "number: " + "x" * 492)]


@pytest.mark.django_db
def test_a_gap_is_unrepaired_until_a_later_repair_of_its_symbol():
    store("gap", symbol="BTC/USD", minutes=1)
    store("gap", symbol="ETH/USD", minutes=2)
    store("repair", symbol="ETH/USD", minutes=3)
    store("gap", symbol="ETH/USD", minutes=4)

    assert unrepaired_gaps("kraken", NOON) == 2
    assert unrepaired_gaps("kraken", NOON + timedelta(minutes=2)) == 1
    assert unrepaired_gaps("simulated:1", NOON) == 0
