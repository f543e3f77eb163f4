from marketdata.health import INCIDENTS_PER_SECOND, FeedHealth
from marketdata.kraken.events import (
    BadFrame,
    BookChanged,
    BookLost,
    BookRequested,
    InstrumentsChanged,
    RequestRefused,
    StatusChanged,
    SubscriptionRefused,
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
    health.witness([StatusChanged("online"), InstrumentsChanged((XRP,))], T0)
    return health


def test_what_went_well_is_counted():
    health = make_health()

    health.witness([BookChanged("XRP/USD"), TradeSeen(Trade("XRP/USD", 1, Side.BUY, 100, 5, T0))], T0)

    assert (health.checksums_verified, health.trades, health.incidents) == (1, 1, [])


def test_what_went_wrong_is_counted_and_kept_with_its_reason():
    health = make_health()

    health.witness(
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
        ("book_checksum", "XRP/USD", "checksum is 1; the exchange says 2"),
        ("book_crossed", "XRP/USD", "best bid 2 is not below best ask 1"),
        ("trade_gap", "XRP/USD", "3 trades were never told: ids 5 to 7"),
        ("refused", "XBT/USD", "book: Currency pair not supported XBT/USD"),
        ("refused", "", "Exceeded msg rate"),
        ("bad_frame", "", "no JSON: junk"),
    ]


def test_a_change_of_the_exchange_s_status_is_an_incident_the_first_word_is_not():
    health = make_health()

    health.witness([StatusChanged("maintenance")], T0)

    assert [i.detail for i in health.hand_over()] == ["the exchange is maintenance; it was online"]


def test_a_flood_of_incidents_is_cut_and_counted():
    health = make_health()

    health.witness([BadFrame("no JSON", "junk")] * 1_000, T0)
    first = health.hand_over()
    health.witness([BadFrame("no JSON", "junk")], T0 + NS_PER_S)

    assert (len(first), health.incidents_left_out) == (INCIDENTS_PER_SECOND, 1_000 - INCIDENTS_PER_SECOND)
    assert len(health.hand_over()) == 1


def test_the_report_tells_quotes_and_ages_per_symbol():
    health, book = make_health(), OrderBook(10)
    book.apply([(100, 5)], [(101, 5)])
    health.witness([BookChanged("XRP/USD"), TradeSeen(Trade("XRP/USD", 1, Side.BUY, 101, 5, T0))], T0)

    report = health.report(T0 + 2 * NS_PER_S, {"XRP/USD": book}, 10.0)

    price = XRP.price
    assert report["symbols"]["XRP/USD"] == {
        "status": "online",
        "bid": str(price(100)),
        "ask": str(price(101)),
        "last": str(price(101)),
        "book_age_s": 2.0,
        "trade_age_s": 2.0,
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
