"""Each fault alone: what the feed shows and reports, and how it recovers."""

from __future__ import annotations

import json

import pytest

from marketdata.kraken.events import (
    BadFrame,
    BookLost,
    RequestRefused,
    SubscriptionSilent,
    TradesMissed,
    TradesRepaired,
)
from tests.marketdata.virtual_exchange import SYMBOLS, VirtualFeed

ETH, XRP = SYMBOLS
AT_S, END_S = 20.0, 75.0  # a fault's time; noon's minute is closed and received by then


def feed_under(faults: str, until_s: float = END_S) -> VirtualFeed:
    return VirtualFeed(faults).run(until_s)


def requests_of(feed: VirtualFeed, after_s: float = 1.0) -> list[tuple[str, str]]:
    """Return the requests after the first ones: method and channel."""
    requests = [json.loads(request) for time_ns, request in feed.sent if feed.since_s(time_ns) > after_s]
    return [(r["method"], r["params"]["channel"]) for r in requests if r["method"] != "ping"]


def assert_all_is_well(feed: VirtualFeed) -> None:
    for symbol in feed.symbols:
        assert feed.status(symbol) == "online"
        assert feed.shown_book(symbol) == feed.true_book(symbol)
    assert feed.folded.snapshot().system == "online"


def assert_every_minute_is_true(feed: VirtualFeed) -> None:
    for symbol in feed.symbols:
        assert feed.shown_minutes(symbol) == feed.true_minutes(symbol)


def assert_every_trade_comes_once(feed: VirtualFeed) -> None:
    for symbol in feed.symbols:
        ids = sorted(trade.trade_id for trade in feed.received_trades(symbol))
        assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_in_calm_every_book_and_every_minute_is_the_exchange_s():
    feed = feed_under("", 130)

    assert_all_is_well(feed)
    assert feed.kinds() == {"connect"}
    for symbol in SYMBOLS:
        assert feed.statuses(symbol) == ["online"]
        assert feed.shown_minutes(symbol) == feed.true_minutes(symbol)
        assert len(feed.true_minutes(symbol)) == 2


@pytest.mark.parametrize("word", ["corrupt", "checksum", "undelete"])
def test_a_book_that_does_not_hold_is_dropped_and_asked_for(word):
    feed = feed_under(f"{word}@{AT_S}:{ETH}")

    (lost,) = [event for event in feed.events if isinstance(event, BookLost)]
    assert (lost.symbol, lost.kind) == (ETH, "checksum")
    assert requests_of(feed) == [("unsubscribe", "book"), ("subscribe", "book")]
    assert feed.kinds() == {"connect", "resync"}
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize("word", ["corrupt", "checksum"])
def test_a_book_that_fails_again_and_again_costs_no_other_and_not_the_connection(word):
    feed = feed_under(f"{word}@{AT_S}+45:{ETH}", 120)

    asked_s = [
        feed.since_s(at_ns) for at_ns, request in feed.sent if b'"unsubscribe"' in request and b'"book"' in request
    ]
    assert len([second for second in asked_s if AT_S < second < AT_S + 45]) <= 4
    assert feed.health.reconnects == 0
    assert feed.statuses(XRP) == ["online"]
    assert feed.statuses(ETH)[-2:] == ["stale", "online"]
    assert feed.kinds() == {"connect", "resync"}
    assert_all_is_well(feed)


@pytest.mark.parametrize("for_s", [1.5, 4, 8, 40])
def test_of_a_sleep_there_are_no_frames_and_every_book_is_verified_afresh(for_s):
    feed = VirtualFeed("").run(AT_S).sleep(for_s).run(AT_S + for_s + 75)

    (gap,) = [frame.gap for frame in feed.frames if frame.gap is not None][:1]
    assert AT_S - 1.1 <= feed.since_s(gap.from_ns) <= AT_S
    slept = [f for f in feed.frames if AT_S + 0.2 < feed.since_s(f.time_ns) < AT_S + for_s]
    assert slept == []
    assert feed.statuses(ETH) == ["online", "stale", "online"]
    assert (feed.health.reconnects > 0) == (for_s > 10)
    assert_all_is_well(feed)
    assert_every_trade_comes_once(feed)
    assert_every_minute_is_true(feed)


def test_the_gap_of_a_half_open_connection_begins_at_its_last_message():
    feed = feed_under(f"silence@{AT_S}")

    gap = next(frame.gap for frame in feed.frames if frame.gap is not None)
    assert AT_S - 1.1 <= feed.since_s(gap.from_ns) <= AT_S + 0.1
    stale = next(frame for frame in feed.frames if frame.statuses.get(ETH) == "stale")
    assert feed.since_s(stale.time_ns) <= AT_S + 6.5


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("drop", "no close frame received or sent"),
        ("drop:1013", "Market data unavailable"),
        ("garbage:utf8", "invalid utf-8"),
    ],
)
def test_a_connection_that_breaks_is_made_again_and_nothing_is_missed(word, reason):
    feed = feed_under(f"{word}@{AT_S}")

    assert feed.statuses(ETH) == feed.statuses(XRP) == ["online", "stale", "online"]
    assert [i.detail for i in feed.incidents if i.kind == "disconnect"] == [reason]
    assert (feed.health.reconnects, feed.health.trade_gaps) == (1, 0)
    assert feed.kinds() == {"connect", "disconnect", "gap"}
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_an_exchange_that_is_away_is_looked_for_ever_more_slowly_until_it_is_back():
    feed = feed_under(f"drop@{AT_S}+20")

    (again,) = [i for i in feed.incidents if i.kind == "connect"][1:]
    assert 40 <= feed.since_s(again.time_ns) < 56
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_a_silent_socket_is_left():
    feed = feed_under(f"silence@{AT_S}")

    (left,) = [i for i in feed.incidents if i.kind == "disconnect"]
    assert AT_S < feed.since_s(left.time_ns) < AT_S + 12
    assert feed.statuses(ETH) == ["online", "stale", "online"]
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_two_books_that_change_places_do_not_hold():
    feed = feed_under(f"reorder:book@{AT_S}:{ETH}")

    assert feed.kinds() == {"connect", "resync"}
    assert {event.symbol for event in feed.events if isinstance(event, BookLost)} == {ETH}
    assert_all_is_well(feed)


def test_what_is_reported_twice_is_received_once():
    feed = feed_under(f"duplicate@{AT_S}+20")

    assert feed.kinds() == {"connect"}
    assert_every_trade_comes_once(feed)
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize("rest", ["", f",rest:503@{AT_S}+30", f",rest:html@{AT_S}+15", f",rest:429@{AT_S}+20"])
def test_a_lost_trade_is_reported_as_missed_and_brought_from_rest(rest):
    feed = feed_under(f"lose:trade@{AT_S}:{ETH}{rest}")

    (missed,) = [event for event in feed.events if isinstance(event, TradesMissed)]
    assert (missed.symbol, missed.first_id) == (ETH, missed.last_id)
    assert [event for event in feed.events if isinstance(event, TradesRepaired)] == [TradesRepaired(ETH)]
    assert missed.first_id in [trade.trade_id for frame in feed.frames for trade in frame.late]
    assert feed.kinds() == {"connect", "gap", "repair"}
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)
    assert_every_trade_comes_once(feed)


def test_two_trades_that_change_places_both_come_the_older_as_late():
    feed = feed_under(f"reorder:trade@{AT_S}:{ETH}")

    late = [trade for frame in feed.frames for trade in frame.late]
    assert len(late) == 1
    assert_every_trade_comes_once(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_dead_book_is_found_by_the_prints_that_it_does_not_show(symbol):
    feed = feed_under(f"dead:book@{AT_S}:{symbol}")

    (lost,) = [event for event in feed.events if isinstance(event, BookLost)]
    assert (lost.symbol, lost.kind) == (symbol, "silent")
    assert requests_of(feed) == [("unsubscribe", "book"), ("subscribe", "book")]
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize("more", ["", ",dead:ticker@20"])
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_dead_trades_are_found_by_the_ticker_or_by_rest_and_none_is_missing(symbol, more):
    feed = feed_under(f"dead:trade@{AT_S}:{symbol}{more}", 135)

    silent = [event for event in feed.events if isinstance(event, SubscriptionSilent)]
    assert [(event.channel, event.symbol) for event in silent] == [("trade", symbol)]
    assert feed.kinds() >= {"connect", "stale"}
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)
    assert_every_trade_comes_once(feed)


def test_a_connection_that_has_no_instruments_is_left():
    feed = feed_under("lose:instrument@0", 135)

    assert [i.detail for i in feed.incidents if i.kind == "disconnect"] == ["no instruments came in 30 s"]
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_what_comes_too_late_to_trade_on_is_stale_until_it_has_caught_up():
    feed = feed_under(f"slow:8@{AT_S}+30", 90)

    assert feed.statuses(ETH) == ["online", "stale", "online"]
    assert feed.kinds() == {"connect", "lag", "stale"}
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_a_lost_change_of_a_book_costs_the_book():
    feed = feed_under(f"lose:book@{AT_S}+5:{XRP}")

    assert feed.kinds() == {"connect", "resync"}
    assert_all_is_well(feed)


def test_a_lost_acknowledgement_changes_nothing():
    feed = feed_under(f"lose:answer@0:{ETH},lose:answer@{AT_S}+5,corrupt@{AT_S}:{ETH}")

    assert feed.kinds() == {"connect", "resync"}
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize("word", [f"garbage@{AT_S}+{length}" for length in (1, 5, 10)])
def test_garbage_is_named_and_left_out(word):
    feed = feed_under(word)

    assert any(isinstance(event, BadFrame) for event in feed.events)
    assert feed.kinds() >= {"connect", "bad_frame"}
    assert feed.health.reconnects == 0
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize(("word", "kinds"), [("giant", set()), ("giant:binary", {"bad_frame"})])
def test_a_giant_passes(word, kinds):
    feed = feed_under(f"{word}@{AT_S}")

    assert feed.kinds() == {"connect"} | kinds
    assert feed.folded.snapshot().instruments.keys() == set(SYMBOLS)
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_what_comes_late_is_still_true():
    feed = feed_under(f"slow:4@{AT_S}+20")

    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_requests_that_are_refused_as_too_many_are_made_again():
    feed = feed_under(f"drop@{AT_S},rate:2@{AT_S}")

    assert len([e for e in feed.events if isinstance(e, RequestRefused)]) == 2
    assert feed.kinds() == {"connect", "disconnect", "gap", "refused"}
    assert_all_is_well(feed)


def test_maintenance_is_shown_as_the_exchange_has_it():
    feed = feed_under(f"maintenance:16@{AT_S}")

    systems = [frame.system for frame in feed.frames if frame.system]
    assert list(dict.fromkeys(systems)) == ["online", "maintenance", "cancel_only", "post_only"]
    assert next(i.detail for i in feed.incidents if i.kind == "status") == "the exchange is maintenance; it was online"
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


@pytest.mark.parametrize("status", ["cancel_only", "post_only", "maintenance"])
def test_a_pair_that_cannot_be_traded_is_shown_so(status):
    feed = feed_under(f"pair:{status}@{AT_S}+10:{ETH}")

    assert (feed.statuses(ETH), feed.statuses(XRP)) == (["online", status, "online"], ["online"])
    assert [(i.kind, i.symbol) for i in feed.incidents if i.kind != "connect"] == [("status", ETH)] * 2
    assert_all_is_well(feed)
    assert_every_minute_is_true(feed)


def test_a_pair_that_is_delisted_stays_untradable_and_the_others_go_on():
    feed = feed_under(f"delist@{AT_S}:{ETH}")

    assert feed.statuses(ETH)[:2] == ["online", "delisted"]
    assert "online" not in feed.statuses(ETH)[1:]
    assert feed.statuses(XRP) == ["online"]
    assert feed.shown_book(XRP) == feed.true_book(XRP)


@pytest.mark.parametrize("more", ["", f",drop@{AT_S + 2}", f",corrupt@{AT_S - 5}+4:{ETH}"])
def test_a_pair_that_is_listed_again_is_received_again(more):
    feed = feed_under(f"delist@{AT_S}+10:{ETH}{more}", 90)

    assert {"delisted", "stale"} & set(feed.statuses(ETH))
    assert_all_is_well(feed)


@pytest.mark.parametrize("ahead_s", [5, -5, 3_600, -3_600])
def test_wrong_clocks_change_no_book(ahead_s):
    feed = feed_under(f"skew:{ahead_s}@{AT_S}+10", 110)

    assert feed.health.checksum_failures == 0
    assert_all_is_well(feed)


def test_the_same_faults_give_the_same_frames():
    one, other = feed_under("random:6:20@5+30"), feed_under("random:6:20@5+30")

    assert one.frames == other.frames
    assert one.incidents == other.incidents
