import json
from collections import Counter
from itertools import pairwise

import pytest

from marketdata.kraken.events import (
    BookChanged,
    BookLost,
    BookRequested,
    SubscriptionRefused,
    TradeSeen,
)
from marketdata.kraken.protocol import KrakenProtocol
from tests.marketdata.wire import (
    CAPTURE_2023,
    NOON_NS,
    book,
    capture_lines,
    docs_book,
    instruments,
    received,
    requests_of,
    watching,
)
from trading.book import OrderBook
from trading.frames import NS_PER_S

S = NS_PER_S
ETH_BTC = {
    "bids": "0.031348:0.03740000 0.031347:2.87288049 0.031345:8.57986833 0.031344:14.40276069 0.031340:12.96065840 "
    "0.031339:13.19606540 0.031338:20.41389313 0.031336:0.03740000 0.031334:14.37158163 0.031332:14.40695990",
    "asks": "0.031357:0.03740000 0.031358:2.87194815 0.031361:0.00767324 0.031362:4.27140781 0.031363:4.34586052 "
    "0.031364:27.28097668 0.031365:12.92325840 0.031366:4.14290322 0.031368:0.00738649 0.031370:0.03740000",
}


def test_a_change_of_precision_drops_the_book_that_was_counted_in_the_old_one():
    protocol = watching("BTC/USD")
    received(protocol, docs_book())

    events = received(protocol, instruments("BTC/USD", price=2, kind="update"))

    assert BookLost("BTC/USD", "number", "the instrument's precision changed") in events
    assert "BTC/USD" not in protocol.books


def test_the_checksum_of_the_documentation_holds():
    protocol = watching("BTC/USD")

    assert received(protocol, docs_book()) == [BookChanged("BTC/USD")]


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

    assert received(watching("BTC/USD", price=5), book("BTC/USD", 974947235, bids, asks)) == [BookChanged("BTC/USD")]


def test_prices_with_leading_zeros_and_an_update_at_the_bottom_hold():
    protocol = watching("ETH/BTC", price=6)

    events = received(
        protocol,
        book("ETH/BTC", 3619791617, **ETH_BTC),
        book("ETH/BTC", 2505869009, bids="0.031347:0.00000000 0.031329:19.07893401", kind="update"),
    )

    assert events == [BookChanged("ETH/BTC")] * 2


def test_the_recorded_day_is_understood_whole():
    protocol = KrakenProtocol(["BTC/USD", "ETH/USD"], can_ask_again=False)
    pairs = [json.loads(instruments(symbol, price=price)) for symbol, price in (("BTC/USD", 1), ("ETH/USD", 2))]
    pairs[0]["data"]["pairs"] += pairs[1]["data"]["pairs"]
    received(protocol, json.dumps(pairs[0]).encode())

    counts: Counter[str] = Counter()
    trade_ids: list[tuple[str, int]] = []
    for line in capture_lines():
        for event in received(protocol, line):
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
    apply = OrderBook.apply

    def apply_and_keep_all(book, bids, asks):
        book.depth = 10_000
        apply(book, bids, asks)

    monkeypatch.setattr(OrderBook, "apply", apply_and_keep_all)
    protocol = watching("BTC/USD", can_ask_again=False)

    events = [event for line in capture_lines() for event in received(protocol, line)]

    assert any(isinstance(event, BookLost) and event.kind == "checksum" for event in events)


def test_the_capture_that_lost_its_trailing_zeros_holds_by_exact_decimals():
    capture = json.loads(CAPTURE_2023.read_bytes())
    protocol = watching("BTC/USD")

    # Python's spelling also brings blanks and exponents that Kraken never writes.
    events = received(protocol, *(json.dumps(message).encode() for message in [capture["init"], *capture["updates"]]))

    assert events == [BookChanged("BTC/USD")] * 510


def test_an_update_without_a_snapshot_means_nothing():
    assert received(watching("BTC/USD"), docs_book(kind="update")) == []


def test_a_wrong_checksum_drops_the_book_and_asks_for_that_symbol_alone():
    protocol = watching("BTC/USD", "ETH/USD")

    lost, requested = received(protocol, docs_book(checksum=1))

    assert (lost.symbol, lost.kind, requested) == ("BTC/USD", "checksum", BookRequested("BTC/USD"))
    assert "the exchange says 1" in lost.reason
    assert requests_of(protocol) == [("unsubscribe", "book", ["BTC/USD"]), ("subscribe", "book", ["BTC/USD"])]


def test_a_crossed_book_is_dropped_though_its_checksum_holds():
    crossed = OrderBook(10)
    crossed.apply([(1010, 5)], [(1000, 5)])
    protocol = watching("BTC/USD")

    lost, _ = received(protocol, book("BTC/USD", crossed.checksum(), "101.0:0.00000005", "100.0:0.00000005"))

    assert lost.kind == "crossed"


def test_a_price_finer_than_declared_costs_the_book_not_the_process():
    protocol = watching("BTC/USD")

    lost, _ = received(protocol, book("BTC/USD", 1, "100.05:1.00000000"))

    assert (lost.kind, lost.reason) == ("number", "number is b'100.05'; expected at most 1 decimals")


def test_the_same_book_is_asked_for_once_in_ten_seconds():
    protocol = watching("BTC/USD")
    received(protocol, docs_book(checksum=1))
    protocol.outgoing()

    received(protocol, docs_book(checksum=1), time_ns=NOON_NS + 2 * S)
    at_once = protocol.outgoing()
    early = protocol.check(time_ns=NOON_NS + 9 * S)
    late = protocol.check(time_ns=NOON_NS + 11 * S)

    assert at_once == []
    assert BookRequested("BTC/USD") not in early
    assert BookRequested("BTC/USD") in late


def grant_all(protocol: KrakenProtocol) -> None:
    """Answer every request that is to be sent."""
    for request in map(json.loads, protocol.outgoing()):
        for symbol in request.get("params", {}).get("symbol", [""]):
            result = {"channel": request.get("params", {}).get("channel", ""), "symbol": symbol}
            answer = {"method": request["method"], "req_id": request["req_id"], "success": True, "result": result}
            received(protocol, json.dumps(answer).encode())


def requested_s(protocol: KrakenProtocol, symbol: str, seconds: int, message: bytes) -> list[int]:
    """Return when a book is requested again while each snapshot of it is ``message``."""
    found = []
    for second in range(seconds):
        if BookRequested(symbol) in protocol.check(time_ns=NOON_NS + second * S):
            found.append(second)
            grant_all(protocol)
            received(protocol, message, time_ns=NOON_NS + second * S)
    return found


def test_a_book_that_never_holds_is_requested_ever_more_slowly_and_the_connection_stays():
    protocol = KrakenProtocol(["BTC/USD", "ETH/BTC"], depth=10, time_ns=NOON_NS)
    grant_all(protocol)
    received(protocol, instruments("BTC/USD", "ETH/BTC", price=6))
    grant_all(protocol)
    received(protocol, book("ETH/BTC", 3619791617, **ETH_BTC))
    received(protocol, docs_book(checksum=1))
    grant_all(protocol)

    asked_s = requested_s(protocol, "BTC/USD", 400, docs_book(checksum=1))

    pauses = [later - earlier for earlier, later in pairwise([0, *asked_s])]
    assert [round(pause, -1) for pause in pauses[:4]] == [10, 20, 40, 40]
    assert not protocol.reconnect_reason.startswith("requesting lost books")
    assert "ETH/BTC" in protocol.books


@pytest.mark.parametrize(
    "message",
    [
        docs_book(kind="update").replace(b'"checksum":3310070434', b'"checksum":"none"'),
        docs_book(kind="update").replace(b'"price":45285.2', b'"price":{}'),
        docs_book(kind="novelty"),
        docs_book(kind="update")[:150],
    ],
)
def test_a_message_that_cannot_be_read_costs_the_book_that_it_names(message):
    protocol = watching("BTC/USD", "ETH/USD")
    received(protocol, docs_book())

    events = received(protocol, message)

    assert BookRequested("BTC/USD") in events
    assert "BTC/USD" not in protocol.books


@pytest.mark.parametrize(
    ("bids", "asks"),
    [("0.0:1.00000000", "101.0:1.00000000"), ("99.0:1.00000000", "0.0:1.00000000"), ("99.0:0.00000000", "")],
)
def test_a_price_or_a_quantity_of_zero_costs_the_book(bids, asks):
    protocol = watching("BTC/USD")
    levels = [
        [(int(float(price) * 10), int(float(qty) * 1e8)) for price, qty in (one.split(":") for one in side.split())]
        for side in (bids, asks)
    ]
    shown = OrderBook(10)
    shown.apply(*levels)

    events = received(protocol, book("BTC/USD", shown.checksum(), bids, asks))

    assert [(event.symbol, event.kind) for event in events if isinstance(event, BookLost)] == [("BTC/USD", "number")]
    assert protocol.books == {}


def test_a_refused_book_is_requested_again_later():
    protocol = watching("BTC/USD", "ETH/USD")
    refusal = '{{"error":"no","method":"subscribe","req_id":2,"success":false,"symbol":"{}"}}'
    received(protocol, refusal.format("ETH/USD").encode())
    protocol.outgoing()

    early = [protocol.check(time_ns=NOON_NS + second * S) for second in range(1, 4)]
    before = ("subscribe", "book", ["ETH/USD"]) in requests_of(protocol)
    protocol.check(time_ns=NOON_NS + 12 * S)

    assert early
    assert not before
    assert ("subscribe", "book", ["ETH/USD"]) in requests_of(protocol)


def test_a_failure_an_hour_is_forgiven():
    protocol = watching("BTC/USD")

    for hour in range(5):
        received(protocol, docs_book(checksum=1), time_ns=NOON_NS + hour * 3_600 * S)

    assert not protocol.reconnect_reason


def test_a_book_that_never_comes_is_lost_and_asked_for():
    protocol = watching("BTC/USD")

    events = protocol.check(time_ns=NOON_NS + 10 * S)

    assert BookLost("BTC/USD", "silent", "no snapshot in 10 s") in events


def test_the_depth_of_the_acknowledgement_is_the_depth_of_the_book():
    ack = b'{"method":"subscribe","result":{"channel":"book","depth":10,"symbol":"BTC/USD"},"success":true}'
    protocol = watching("BTC/USD", depth=25, can_ask_again=False)

    received(protocol, ack, docs_book())

    assert protocol.books["BTC/USD"].depth == 10


def test_a_depth_that_nobody_requested_is_named_and_not_taken():
    ack = (
        b'{"method":"subscribe","req_id":2,"result":{"channel":"book","depth":1000,"symbol":"BTC/USD"},"success":true}'
    )
    protocol = watching("BTC/USD", depth=25)

    events = received(protocol, ack, docs_book())

    assert events[0] == SubscriptionRefused("book", "BTC/USD", "depth 1000 was granted; 25 was requested")
    assert protocol.books["BTC/USD"].depth == 25


def test_a_subscription_that_someone_else_ended_leaves_no_book_behind():
    protocol = watching("BTC/USD")
    received(protocol, docs_book())

    events = received(
        protocol,
        b'{"method":"unsubscribe","result":{"channel":"book","depth":10,"symbol":"BTC/USD"},"success":true}',
    )

    assert events[0] == BookLost("BTC/USD", "unsubscribed", "the exchange ended the subscription")


def test_on_a_recording_nothing_is_asked_again():
    protocol = watching("BTC/USD", can_ask_again=False)

    received(protocol, docs_book(checksum=1))
    protocol.check(time_ns=NOON_NS + 3_600 * S)

    assert protocol.outgoing() == []
    assert not protocol.reconnect_reason


def test_the_end_of_a_book_is_not_asked_again_once_the_book_has_begun_anew():
    protocol = watching("BTC/USD")
    received(protocol, docs_book(), docs_book(checksum=1, kind="update"))
    end, _ = [json.loads(request) for request in protocol.outgoing()]
    granted = f'{{"method":"subscribe","req_id":{end["req_id"] + 1},"success":true,"result":{{"channel":"book",'
    received(protocol, f'{granted}"depth":10,"symbol":"BTC/USD"}}}}'.encode(), docs_book())

    protocol.check(time_ns=NOON_NS + 6 * S)

    assert ("unsubscribe", "book", ["BTC/USD"]) not in requests_of(protocol)
