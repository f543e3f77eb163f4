"""Worker, keeper and pages read one stream of which frames are lost: all three know the same, and nothing wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from dashboard.markets.watch import MarketWatch
from marketdata import bus
from marketdata.feed.keeper import Keeper
from strategies.worker.runner import Runner
from tests.missing import SYMBOLS, Lossy, lossy_markets
from trading.market import Market
from trading.snapshot import DataSnapshot

pytestmark = pytest.mark.django_db
MARKET = "recording:test:00000000"


def shown_by_all(lossy: Lossy) -> Iterator[list[DataSnapshot]]:
    """Yield what worker, keeper and pages show after each frame that the stream brought."""
    bus.redis_client().flushdb()
    runner, keeper, watch = Runner(MARKET), Keeper(MARKET, Market()), MarketWatch(MARKET)
    for frame in lossy.received:
        bus.publish(MARKET, [frame])
        runner.process(frame)
        keeper.catch_up([frame])
        sight = watch.newest()
        assert sight is not None
        yield [runner.market.snapshot(), keeper.market.snapshot(), sight.snapshot]
    bus.redis_client().flushdb()


def known(snapshot: DataSnapshot) -> tuple[object, ...]:
    return snapshot.sequence, *((snapshot.top_or_none(symbol), snapshot.status(symbol)) for symbol in SYMBOLS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lossy_markets)
def test_whatever_frames_are_lost_all_readers_agree_and_show_no_book_that_cannot_be_known(lossy: Lossy) -> None:
    for snapshots in shown_by_all(lossy):
        assert len({known(snapshot) for snapshot in snapshots}) == 1
        assert [lossy.wrong_books(snapshot) for snapshot in snapshots] == [[], [], []]
