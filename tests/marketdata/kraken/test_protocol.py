import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.marketdata.wire import (
    CAPTURE_2023,
    NOON_NS,
    asked,
    book,
    capture_lines,
    heard,
    instruments,
    trade,
    watching,
)

from marketdata.kraken.events import (
    BadFrame,
    BookChanged,
    BookLost,
    BookRequested,
    Heartbeat,
    InstrumentsChanged,
    RequestRefused,
    StatusChanged,
    Subscribed,
    SubscriptionRefused,
    TickerSeen,
    TradeSeen,
    TradesMissed,
)
from marketdata.kraken.protocol import KrakenProtocol
from trading.book import OrderBook, Side
from trading.frames import NS_PER_S

S = NS_PER_S
DOCS_V2 = {
    "asks": "45285.2:0.00100000 45286.4:1.54571953 45286.6:1.54571109 45289.6:1.54560911 45290.2:0.15890660 "
    "45291.8:1.54553491 45294.7:0.04454749 45296.1:0.35380000 45297.5:0.09945542 45299.5:0.18772827",
    "bids": "45283.5:0.10000000 45283.4:1.54582015 45282.1:0.10000000 45281.0:0.10000000 45280.3:1.54592586 "
    "45279.0:0.07990000 45277.6:0.03310103 45277.5:0.30000000 45277.3:1.54602737 45276.6:0.15445238",
}
DOCS_V2_CHECKSUM = 3310070434
ETH_BTC = {
    "bids": "0.031348:0.03740000 0.031347:2.87288049 0.031345:8.57986833 0.031344:14.40276069 0.031340:12.96065840 "
    "0.031339:13.19606540 0.031338:20.41389313 0.031336:0.03740000 0.031334:14.37158163 0.031332:14.40695990",
    "asks": "0.031357:0.03740000 0.031358:2.87194815 0.031361:0.00767324 0.031362:4.27140781 0.031363:4.34586052 "
    "0.031364:27.28097668 0.031365:12.92325840 0.031366:4.14290322 0.031368:0.00738649 0.031370:0.03740000",
}


def docs_book(checksum: int = DOCS_V2_CHECKSUM, kind: str = "snapshot") -> bytes:
    return book("BTC/USD", checksum, **DOCS_V2, kind=kind)


def test_the_instruments_are_asked_for_first_and_alone():
    protocol = KrakenProtocol(["BTC/USD", "ETH/USD"])

    assert asked(protocol) == [("subscribe", "instrument", [])]


def test_known_symbols_are_subscribed_together_one_request_a_channel():
    protocol = KrakenProtocol(["BTC/USD", "ETH/USD"])
    protocol.outgoing()

    heard(protocol, instruments("BTC/USD", "ETH/USD", "SOL/USD"))

    both = ["BTC/USD", "ETH/USD"]
    assert asked(protocol) == [("subscribe", "book", both), ("subscribe", "trade", both), ("subscribe", "ticker", both)]


def test_what_was_sent_is_not_sent_again():
    protocol = KrakenProtocol(["BTC/USD"])
    protocol.outgoing()

    assert protocol.outgoing() == []


def test_instruments_are_read_from_exponents():
    (event,) = heard(KrakenProtocol(["BTC/USD"]), instruments("BTC/USD", "ETH/USD"))

    assert isinstance(event, InstrumentsChanged)
    (instrument,) = event.instruments
    assert (instrument.symbol, instrument.price_decimals, instrument.qty_min_lots) == ("BTC/USD", 1, 5_000)


def test_a_symbol_that_the_exchange_does_not_list_is_named():
    events = heard(KrakenProtocol(["BTC/USD", "XBT/USD"]), instruments("BTC/USD"))

    assert events[1:] == [SubscriptionRefused("instrument", "XBT/USD", "the exchange lists no such pair")]


def test_a_pair_whose_rules_cannot_be_read_hides_no_other():
    odd = instruments("BTC/USD", "ETH/USD").replace(b'"price_precision":1', b'"price_precision":"one"', 1)

    events = heard(KrakenProtocol(["BTC/USD", "ETH/USD"]), odd)

    assert [type(event) for event in events] == [InstrumentsChanged, BadFrame, SubscriptionRefused]
    assert events[0].instruments[0].symbol == "ETH/USD"


def test_an_instrument_that_stops_trading_is_told_in_band():
    protocol = watching("BTC/USD")

    (event,) = heard(protocol, instruments("BTC/USD", status="cancel_only", kind="update"))

    assert event.instruments[0].status == "cancel_only"


def test_a_change_of_precision_drops_the_book_that_was_counted_in_the_old_one():
    protocol = watching("BTC/USD")
    heard(protocol, docs_book())

    events = heard(protocol, instruments("BTC/USD", price=2, kind="update"))

    assert BookLost("BTC/USD", "number", "the instrument's precision changed") in events
    assert "BTC/USD" not in protocol.books


def test_the_checksum_of_the_documentation_holds():
    protocol = watching("BTC/USD")

    assert heard(protocol, docs_book()) == [BookChanged("BTC/USD")]


def test_the_checksum_of_the_older_documentation_holds():
    asks = " ".join(f"0.{5005 + 5 * i:05d}:0.00000500" for i in range(10))
    prices = (
        "0.05000",
        "0.04995",
        "0.04990",
        "0.04980",
        "0.04975",
        "0.04970",
        "0.04965",
        "0.04960",
        "0.04955",
        "0.04950",
    )
    bids = " ".join(f"{price}:0.00000500" for price in prices)

    assert heard(watching("BTC/USD", price=5), book("BTC/USD", 974947235, bids, asks)) == [BookChanged("BTC/USD")]


def test_prices_with_leading_zeros_and_an_update_at_the_bottom_hold():
    protocol = watching("ETH/BTC", price=6)

    events = heard(
        protocol,
        book("ETH/BTC", 3619791617, **ETH_BTC),
        book("ETH/BTC", 2505869009, bids="0.031347:0.00000000 0.031329:19.07893401", kind="update"),
    )

    assert events == [BookChanged("ETH/BTC")] * 2


def test_the_recorded_day_is_understood_whole():
    protocol = KrakenProtocol(["BTC/USD", "ETH/USD"], can_ask_again=False)
    pairs = [json.loads(instruments(symbol, price=price)) for symbol, price in (("BTC/USD", 1), ("ETH/USD", 2))]
    pairs[0]["data"]["pairs"] += pairs[1]["data"]["pairs"]
    heard(protocol, json.dumps(pairs[0]).encode())

    counts: Counter[str] = Counter()
    trade_ids: list[tuple[str, int]] = []
    for line in capture_lines():
        for event in heard(protocol, line):
            counts[type(event).__name__] += 1
            if isinstance(event, TradeSeen):
                trade_ids.append((event.trade.symbol, event.trade.trade_id))
        for order_book in protocol.books.values():
            top = order_book.top(1)
            assert top.bids[0].ticks < top.asks[0].ticks

    assert counts == {"BookChanged": 2962, "TradeSeen": 17, "Heartbeat": 23, "Subscribed": 4, "StatusChanged": 1}
    assert len(set(trade_ids)) == 17
    bitcoin = [trade_id for symbol, trade_id in trade_ids if symbol == "BTC/USD"]
    assert bitcoin == list(range(103436768, 103436780))


def test_the_first_recorded_books_hold_their_published_checksums():
    snapshots = [json.loads(line)["data"][0]["checksum"] for line in list(capture_lines())[6:9]]

    assert snapshots == [423379305, 4114450078, 3356266482]


def test_without_truncating_the_recorded_day_would_not_hold(monkeypatch):
    monkeypatch.setattr("trading.book._BookSide.truncate", lambda self, depth: None)
    protocol = watching("BTC/USD", can_ask_again=False)

    events = [event for line in capture_lines() for event in heard(protocol, line)]

    assert any(isinstance(event, BookLost) and event.kind == "checksum" for event in events)


def test_the_capture_that_lost_its_trailing_zeros_holds_by_exact_decimals():
    capture = json.loads(CAPTURE_2023.read_bytes())
    protocol = watching("BTC/USD")

    # Python's spelling also brings blanks and exponents that Kraken never writes.
    events = heard(protocol, *(json.dumps(message).encode() for message in [capture["init"], *capture["updates"]]))

    assert events == [BookChanged("BTC/USD")] * 510


def test_an_update_without_a_snapshot_means_nothing():
    assert heard(watching("BTC/USD"), docs_book(kind="update")) == []


def test_a_wrong_checksum_drops_the_book_and_asks_for_that_symbol_alone():
    protocol = watching("BTC/USD", "ETH/USD")

    lost, requested = heard(protocol, docs_book(checksum=1))

    assert (lost.symbol, lost.kind, requested) == ("BTC/USD", "checksum", BookRequested("BTC/USD"))
    assert "the exchange says 1" in lost.reason
    assert asked(protocol) == [("unsubscribe", "book", ["BTC/USD"]), ("subscribe", "book", ["BTC/USD"])]


def test_a_crossed_book_is_dropped_though_its_checksum_holds():
    crossed = OrderBook(10)
    crossed.apply([(1010, 5)], [(1000, 5)])
    protocol = watching("BTC/USD")

    lost, _ = heard(protocol, book("BTC/USD", crossed.checksum(), "101.0:0.00000005", "100.0:0.00000005"))

    assert lost.kind == "crossed"


def test_a_price_finer_than_declared_costs_the_book_not_the_process():
    protocol = watching("BTC/USD")

    lost, _ = heard(protocol, book("BTC/USD", 1, "100.05:1.00000000"))

    assert (lost.kind, lost.reason) == ("number", "number is b'100.05'; expected at most 1 decimals")


def test_the_same_book_is_asked_for_once_in_ten_seconds():
    protocol = watching("BTC/USD")
    heard(protocol, docs_book(checksum=1))
    protocol.outgoing()

    heard(protocol, docs_book(checksum=1), time_ns=NOON_NS + 2 * S)
    at_once = protocol.outgoing()
    early = protocol.check(time_ns=NOON_NS + 9 * S)
    late = protocol.check(time_ns=NOON_NS + 11 * S)

    assert at_once == []
    assert BookRequested("BTC/USD") not in early
    assert BookRequested("BTC/USD") in late


def test_three_failures_of_one_book_in_a_row_put_the_connection_in_doubt():
    protocol = watching("BTC/USD")

    verdicts = []
    for attempt in range(3):
        heard(protocol, docs_book(checksum=1), time_ns=NOON_NS + attempt * 12 * S)
        verdicts.append(protocol.wants_reconnect)

    assert verdicts == [False, False, True]


def test_a_failure_an_hour_is_forgiven():
    protocol = watching("BTC/USD")

    for hour in range(5):
        heard(protocol, docs_book(checksum=1), time_ns=NOON_NS + hour * 3_600 * S)

    assert not protocol.wants_reconnect


def test_a_book_that_never_comes_is_lost_and_asked_for():
    protocol = watching("BTC/USD")

    events = protocol.check(time_ns=NOON_NS + 10 * S)

    assert BookLost("BTC/USD", "silent", "no snapshot in 10 s") in events


def test_an_unanswered_request_is_repeated_and_then_given_up():
    protocol = KrakenProtocol(["BTC/USD"], time_ns=NOON_NS)
    protocol.outgoing()

    repeated = []
    for attempt in range(1, 4):
        protocol.check(time_ns=NOON_NS + attempt * 5 * S)
        repeated.append(asked(protocol))

    assert repeated == [[("subscribe", "instrument", [])], [("subscribe", "instrument", [])], []]
    assert protocol.wants_reconnect


def test_only_the_symbols_without_an_answer_are_asked_again():
    protocol = watching("BTC/USD", "ETH/USD")
    heard(
        protocol,
        b'{"method":"subscribe","req_id":2,"result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},'
        b'"success":true,"time_in":"2026-07-07T23:00:03.501510Z","time_out":"2026-07-07T23:00:03.501553Z"}',
    )

    protocol.check(time_ns=NOON_NS + 5 * S)

    assert ("subscribe", "book", ["ETH/USD"]) in asked(protocol)


def test_the_depth_of_the_acknowledgement_is_the_depth_of_the_book():
    ack = b'{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true}'
    protocol = watching("BTC/USD", depth=25)

    heard(protocol, ack, docs_book())

    assert protocol.books["BTC/USD"].depth == 10


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            b'{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD"}',
            SubscriptionRefused("", "XBT/USD", "Currency pair not supported XBT/USD"),
        ),
        (
            b'{"error":"Subscription depth not supported","method":"subscribe","req_id":2,"success":false,'
            b'"symbol":"BTC/USD"}',
            SubscriptionRefused("book", "BTC/USD", "Subscription depth not supported"),
        ),
        (
            b'{"channel":"executions","error":"ESession:Invalid session","method":"subscribe","status":"error",'
            b'"success":false}',
            RequestRefused("ESession:Invalid session"),
        ),
        (b'{"Error":"Exceeded msg rate"}', RequestRefused("Exceeded msg rate")),
        (
            b'{"error":"Already subscribed","method":"subscribe","req_id":3,"success":false,"symbol":"BTC/USD"}',
            Subscribed("trade", "BTC/USD"),
        ),
        (b'{"channel":"heartbeat"}', Heartbeat()),
        (b'{ "channel" : "heartbeat" }', Heartbeat()),
        (
            b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"maintenance","api_version":"v2",'
            b'"connection_id":18446744073709551615,"upcoming_maintenance":[],"emergency":[]}]}',
            StatusChanged("maintenance"),
        ),
        (
            b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1.0,"new":{}}]}',
            TickerSeen("BTC/USD"),
        ),
    ],
)
def test_what_the_exchange_says_besides_prices_is_told(message, event):
    assert heard(watching("BTC/USD"), message) == [event]


def test_a_pong_is_no_news():
    assert heard(watching("BTC/USD"), b'{"method":"pong","req_id":42,"time_in":"x","time_out":"y"}') == []


def test_a_subscription_that_someone_else_ended_leaves_no_book_behind():
    protocol = watching("BTC/USD")
    heard(protocol, docs_book())

    events = heard(
        protocol,
        b'{"method":"unsubscribe","result":{"channel":"book","depth":10,"symbol":"BTC/USD"},"success":true}',
    )

    assert events[0] == BookLost("BTC/USD", "unsubscribed", "the exchange ended the subscription")


def test_a_trade_is_told_exactly():
    (event,) = heard(
        watching("ETH/USD", price=2),
        b'{"channel":"trade","type":"update","data":[{"symbol":"ETH/USD","side":"buy","price":1774.14,"qty":0.00147959,'
        b'"ord_type":"limit","trade_id":64175815,"timestamp":"2026-07-07T23:00:04.585581Z"}]}',
    )

    t = event.trade
    assert (t.symbol, t.trade_id, t.side, t.ticks, t.lots) == ("ETH/USD", 64175815, Side.BUY, 177414, 147959)
    assert t.time_ns == 1783465204585581000


def test_trades_from_before_we_watched_tell_only_where_they_end():
    protocol = watching("BTC/USD")

    before = heard(protocol, trade("BTC/USD", 7, 8, 9, kind="snapshot"))
    after = heard(protocol, trade("BTC/USD", 10))

    assert before == []
    assert [event.trade.trade_id for event in after] == [10]


def test_a_snapshot_after_a_reconnect_tells_only_what_was_missed():
    last_ids = {"BTC/USD": 8}
    protocol = watching("BTC/USD", last_trade_ids=last_ids)

    events = heard(protocol, trade("BTC/USD", 10, 9, 8, 7, kind="snapshot"))

    assert [event.trade.trade_id for event in events] == [9, 10]
    assert last_ids == {"BTC/USD": 10}


def test_ids_that_jump_are_a_gap_with_both_its_ends():
    protocol = watching("BTC/USD", last_trade_ids={"BTC/USD": 8})

    events = heard(protocol, trade("BTC/USD", 12))

    assert events[0] == TradesMissed("BTC/USD", 9, 11)
    assert events[1].trade.trade_id == 12


def test_on_a_recording_nothing_is_asked_again():
    protocol = watching("BTC/USD", can_ask_again=False)

    heard(protocol, docs_book(checksum=1))
    protocol.check(time_ns=NOON_NS + 3_600 * S)

    assert protocol.outgoing() == []
    assert not protocol.wants_reconnect


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"channel":"book"',
        b'{"channel":"book","type":"snapshot","data":[{}]}',
        b'{"channel":"book","type":"novelty","data":[{"symbol":"BTC/USD","checksum":1}]}',
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"DOGE/USD","checksum":1}]}',
        b'{"channel":"weather"}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"give","price":1.0,"qty":1.0,'
        b'"trade_id":1,"timestamp":"2026-07-07T12:00:00Z"}]}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.0,"qty":1.0,'
        b'"trade_id":99999999999999999999999999,"timestamp":"2026-07-07T12:00:00Z"}]}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1e999999999,"qty":1.0,'
        b'"trade_id":1,"timestamp":"2026-07-07T12:00:00Z"}]}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.0,"qty":1.0,'
        b'"trade_id":1,"timestamp":"yesterday"}]}',
        b'{"a":' * 5_000,
    ],
    ids=lambda message: message[:30].decode("ascii", "replace"),
)
def test_what_cannot_be_understood_is_told_as_such(message):
    (event,) = heard(watching("BTC/USD"), message)

    assert isinstance(event, BadFrame)
    assert event.reason.isprintable()
    assert event.excerpt.isprintable()


SEEDS = [line for line in capture_lines()[:12]] + [instruments("BTC/USD"), trade("BTC/USD", 1, 2), docs_book()]


@given(st.binary(max_size=300))
def test_no_bytes_raise(message):
    protocol = watching("BTC/USD")

    heard(protocol, message)


@settings(max_examples=300)
@given(st.sampled_from(SEEDS), st.integers(0, 400), st.integers(0, 12), st.binary(max_size=12))
def test_no_damage_to_a_real_message_raises(message, at, length, damage):
    protocol = watching("BTC/USD")

    heard(protocol, message[:at] + damage + message[at + length :])
    protocol.check(time_ns=NOON_NS + 60 * S)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
CHANNELS = st.sampled_from(["book", "trade", "ticker", "status", "instrument", "heartbeat", "ohlc"])


@given(
    CHANNELS, st.sampled_from(["snapshot", "update", ""]), JSON, st.sampled_from(["data", "result", "method", "pairs"])
)
def test_no_json_raises(channel, kind, value, key):
    message = json.dumps({"channel": channel, "type": kind, key: value}).encode()

    heard(watching("BTC/USD"), message)
