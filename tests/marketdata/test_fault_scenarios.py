"""Two hundred stretches of bad luck: whatever the faults, a minute later the feed knows the market.

While it lasts `VirtualFeed` looks at every frame: no book is shown as tradable that the exchange did not have.
"""

from __future__ import annotations

from collections import Counter

import pytest

from marketdata.kraken.events import TradesLost, TradesRenumbered
from marketdata.simulation.fault_syntax import parse_faults
from marketdata.simulation.faults import KINDS, Fault
from tests.marketdata.virtual_exchange import SYMBOLS, VirtualFeed

SCENARIOS = 200
PER_MINUTE = (4, 8, 16)
FAULTS_FROM_S, FAULTS_FOR_S = 6, 42  # the last one is over 20 s later
END_S = 132  # by then two minutes are closed and received

# What must be received of a fault that has found its message, unless the message never came.
REPORTED_AS = {
    "garbage": {"bad_frame", "disconnect"},
    "checksum": {"resync", "disconnect"},
    "corrupt": {"resync", "disconnect"},
    "undelete": {"resync", "disconnect"},
    "rate": {"refused", "disconnect"},
    "odd": {"bad_frame", "disconnect"},
    "zero": {"bad_frame", "disconnect"},
    "stamp": {"bad_frame", "disconnect"},
    "unasked": {"bad_frame", "disconnect"},
}


def words(seed: int) -> str:
    return f"random:{seed}:{PER_MINUTE[seed % len(PER_MINUTE)]}@{FAULTS_FROM_S}+{FAULTS_FOR_S}"


def faults(seed: int) -> list[Fault]:
    return parse_faults(words(seed), SYMBOLS).begun(-1.0, END_S)


def test_the_scenarios_hold_every_kind_of_fault_many_times():
    count = Counter(fault.name for seed in range(SCENARIOS) for fault in faults(seed))

    assert count.keys() == KINDS.keys()
    assert min(count.values()) >= 40


@pytest.mark.parametrize("seed", range(SCENARIOS))
def test_after_every_fault_the_feed_knows_the_market_again(seed):
    feed = VirtualFeed(words(seed)).run(END_S)

    assert_every_book_is_true(feed)
    assert_every_trade_comes_once(feed)
    assert_every_minute_is_true(feed)
    assert_no_frame_is_missing(feed)
    assert_faults_are_reported(feed)


def assert_every_book_is_true(feed: VirtualFeed) -> None:
    assert feed.folded.snapshot().system == "online"
    for symbol in SYMBOLS:
        assert feed.status(symbol) == "online"
        assert feed.shown_book(symbol) == feed.true_book(symbol)


def assert_every_trade_comes_once(feed: VirtualFeed) -> None:
    for symbol in SYMBOLS:
        ids = sorted(trade.trade_id for trade in feed.received_trades(symbol))
        assert len(ids) == len(set(ids))
        if not is_on_record(feed, symbol):
            assert ids == list(range(ids[0], ids[0] + len(ids)))


def is_on_record(feed: VirtualFeed, symbol: str) -> bool:
    """Return whether prints are known to be missing, or were counted otherwise for a while."""
    return any(isinstance(event, TradesLost | TradesRenumbered) and event.symbol == symbol for event in feed.events)


def assert_every_minute_is_true(feed: VirtualFeed) -> None:
    if any(fault.name == "skew" for fault in feed.exchange.plan.begun(-1.0, END_S)):
        return  # the exchange itself received wrong times
    for symbol in SYMBOLS:
        if is_on_record(feed, symbol):
            continue
        assert feed.shown_minutes(symbol) == feed.true_minutes(symbol)
        assert len(feed.true_minutes(symbol)) == 2


def assert_no_frame_is_missing(feed: VirtualFeed) -> None:
    sequences = [frame.sequence for frame in feed.frames]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def assert_faults_are_reported(feed: VirtualFeed) -> None:
    kinds = feed.kinds()
    for fault in feed.applied:
        assert fault.name not in REPORTED_AS or REPORTED_AS[fault.name] & kinds, f"{fault}: none of {kinds}"
