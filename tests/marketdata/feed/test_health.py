import pytest
from msgspec.structs import replace

from marketdata.feed.health import CAUSES_KEPT, INCIDENTS_PER_SECOND, FeedHealth
from marketdata.kraken.events import (
    BadFrame,
    BookChanged,
    BookLost,
    BookRequested,
    Heartbeat,
    InstrumentsChanged,
    LagMeasured,
    RequestRefused,
    StatusChanged,
    SubscriptionRefused,
    TickerSeen,
    TradeSeen,
    TradesMissed,
)
from tests.drawing import instrument
from trading.book import OrderBook, Side
from trading.frames import NS_PER_S, Trade

T0 = 1_783_425_600 * NS_PER_S
XRP = instrument("XRP/USD")


def make_health() -> FeedHealth:
    health = FeedHealth(started_ns=T0)
    health.observe([StatusChanged("online"), InstrumentsChanged((XRP,))], T0)
    return health


def test_what_went_well_is_counted():
    health = make_health()

    health.observe([BookChanged("XRP/USD"), TradeSeen(Trade("XRP/USD", 1, Side.BUY, 100, 5, T0))], T0)

    assert (health.checksums_verified, health.trades, health.incidents) == (1, 1, [])


def test_what_went_wrong_is_counted_and_kept_with_its_reason():
    health = make_health()

    health.observe(
        [
            BookLost("XRP/USD", "checksum", "checksum is 1; the exchange says 2"),
            BookRequested("XRP/USD"),
            BookLost("XRP/USD", "crossed", "best bid 2 is not below best ask 1"),
            TradesMissed("XRP/USD", 5, 7),
            SubscriptionRefused("book", "XBT/USD", "Currency pair not supported XBT/USD"),
            RequestRefused("Exceeded msg rate"),
            BadFrame("no JSON", "junk"),
        ],
        T0,
    )

    counts = (health.checksum_failures, health.books_crossed, health.resyncs, health.trade_gaps)
    assert counts == (1, 1, 1, 1)
    assert (health.refusals, health.bad_frames) == (2, 1)
    assert [(i.kind, i.symbol, i.detail) for i in health.hand_over()] == [
        ("resync", "XRP/USD", "checksum: checksum is 1; the exchange says 2"),
        ("resync", "XRP/USD", "crossed: best bid 2 is not below best ask 1"),
        ("gap", "XRP/USD", "3 trades were missed: ids 5 to 7"),
        ("refused", "XBT/USD", "book: Currency pair not supported XBT/USD"),
        ("refused", "", "Exceeded msg rate"),
        ("bad_frame", "", "no JSON: junk"),
    ]


def test_a_change_of_the_exchange_s_status_is_an_incident_the_first_word_is_not():
    health = make_health()

    health.observe([StatusChanged("maintenance")], T0)

    assert [i.detail for i in health.hand_over()] == ["the exchange is maintenance; it was online"]


def test_a_flood_of_incidents_is_cut_and_counted():
    health = make_health()

    health.observe([BookLost("XRP/USD", "silent", f"reason {number}") for number in range(1_000)], T0)
    first = health.hand_over()
    health.observe([BookLost("XRP/USD", "silent", "reason")], T0 + NS_PER_S)

    assert (len(first), health.incidents_left_out) == (INCIDENTS_PER_SECOND, 1_000 - INCIDENTS_PER_SECOND)
    assert len(health.hand_over()) == 1


def test_one_cause_is_one_event_however_many_messages_and_its_count_comes_once_a_minute():
    health = make_health()

    for second in range(61):
        one = BadFrame(f"trade in XRP/USD of {second} lots at 0 ticks; expected 1 or more", "{}", "XRP/USD")
        health.observe([one, one], T0 + second * NS_PER_S)
    health.observe([BadFrame("another", "", "XRP/USD")], T0 + 61 * NS_PER_S)

    incidents = health.hand_over()
    assert [incident.detail[:30] for incident in incidents] == [
        "trade in XRP/USD of 0 lots at ",
        "120 times more since it was no",
        "another",
    ]
    assert (health.bad_frames, {incident.symbol for incident in incidents}) == (123, {"XRP/USD"})


def test_causes_without_end_are_counted_together():
    health = make_health()

    for number in range(CAUSES_KEPT + 50):
        letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        health.observe([BadFrame(f"cause {letters}", "")], T0 + number * NS_PER_S)

    assert len(health.hand_over()) == CAUSES_KEPT + 1
    assert health.bad_frames == CAUSES_KEPT + 50


def test_the_report_has_quotes_and_ages_per_symbol():
    health, book = make_health(), OrderBook(10)
    book.apply([(100, 5)], [(101, 5)])
    health.observe([BookChanged("XRP/USD"), TradeSeen(Trade("XRP/USD", 1, Side.BUY, 101, 5, T0))], T0)

    report = health.report(T0 + 2 * NS_PER_S, {"XRP/USD": book}, 10.0)

    price = XRP.price
    assert report["symbols"]["XRP/USD"] == {
        "status": "online",
        "bid": str(price(100)),
        "ask": str(price(101)),
        "last": str(price(101)),
        "book_age_s": 2.0,
        "trade_age_s": 2.0,
        "resyncs": 0,
        "gaps": 0,
    }


def test_a_symbol_without_a_verified_book_is_stale_and_has_no_quote():
    report = make_health().report(None, {}, 10.0)

    quote = report["symbols"]["XRP/USD"]
    assert (quote["status"], quote["bid"], quote["book_age_s"]) == ("stale", None, None)


def test_the_rate_is_that_of_the_last_seconds():
    health = make_health()

    for second in range(10):
        health.messages += 100
        report = health.report(T0, {}, float(second))

    assert report["messages_per_s"] == 100.0


def test_an_instrument_whose_status_changes_is_an_incident_of_its_symbol():
    health = make_health()

    health.observe([InstrumentsChanged((replace(XRP, status="cancel_only"),))], T0)

    (incident,) = health.hand_over()
    received = (incident.kind, incident.symbol, incident.detail)
    assert received == ("status", "XRP/USD", "the instrument is cancel_only; it was online")


def test_resyncs_and_gaps_are_reported_per_symbol_and_events_per_kind():
    health = make_health()

    health.observe([BookRequested("XRP/USD"), TradesMissed("XRP/USD", 5, 7), TradesMissed("XRP/USD", 9, 9)], T0)

    report = health.report(T0, {}, 10.0)
    assert (report["symbols"]["XRP/USD"]["resyncs"], report["symbols"]["XRP/USD"]["gaps"]) == (1, 2)
    assert (report["gaps"], report["repairs"], report["event_counts"]["gap"]) == (2, 0, 2)


def test_a_kind_of_event_that_is_not_listed_is_an_error():
    with pytest.raises(ValueError, match="trade_gap"):
        make_health().note(T0, "trade_gap", "", "")


def test_every_channel_has_an_age_and_one_that_never_spoke_has_none():
    health = make_health()
    health.observe([Heartbeat(), TickerSeen("XRP/USD"), BookChanged("XRP/USD")], T0 + NS_PER_S)

    report = health.report(T0 + 3 * NS_PER_S, {}, 10.0)

    assert report["heartbeat_age_s"] == 2.0
    ages = {"book": 2.0, "trade": None, "ticker": 2.0, "heartbeat": 2.0, "instrument": 3.0, "status": 3.0}
    assert report["channels"] == ages


def test_a_feed_that_received_no_heartbeat_does_not_know_its_age():
    assert make_health().report(T0, {}, 10.0)["heartbeat_age_s"] is None


def test_lag_that_becomes_too_high_is_one_incident_and_its_end_another():
    health = make_health()

    for second in range(60):
        health.observe([LagMeasured((3 if second < 20 else 0) * NS_PER_S)], T0 + second * NS_PER_S)

    assert [(incident.kind, incident.detail) for incident in health.hand_over()] == [
        ("lag", "messages arrive 3.0 s late; more than 2.0 s is too late"),
        ("lag", "messages arrive in time again, after 30 s; they were at worst 3.0 s late"),
    ]
    assert health.report(T0 + 60 * NS_PER_S, {}, 10.0)["lag_ms"]["p99"] == 3_000.0


def test_uptime_counts_on_while_a_lost_connection_does_not():
    health = make_health()
    health.connected = True
    health.report(T0, {}, 100.0)
    health.report(T0, {}, 106.0)
    health.connected = False
    health.report(T0, {}, 108.0)

    report = health.report(T0, {}, 116.0)

    assert (report["uptime_s"], report["connected_s"], report["connected_share"]) == (16.0, None, 0.5)


def test_a_new_connection_begins_at_zero_even_if_nobody_looked_between():
    health = make_health()
    health.connected = True
    health.report(T0, {}, 100.0)
    health.reconnects += 1
    health.report(T0, {}, 130.0)

    report = health.report(T0, {}, 135.0)

    assert (report["connected_s"], report["connected_share"]) == (5.0, 1.0)
