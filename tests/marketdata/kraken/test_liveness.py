"""A connection that went silent, a subscription that is dead, messages that come late: as the protocol decides."""

from marketdata.kraken.events import BookLost, LagMeasured, SubscriptionSilent
from marketdata.kraken.liveness import Liveness
from marketdata.kraken.protocol import KrakenProtocol
from marketdata.kraken.trades import repair_message
from tests.marketdata.wire import NOON_NS, docs_book, received, requests_of, trade, watching
from trading.book import Side
from trading.frames import NS_PER_S, Trade

S = NS_PER_S
HEARTBEAT = b'{"channel":"heartbeat"}'
TICKER = b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","last":1.0}]}'


def checked(protocol, *seconds: int) -> list:
    return [event for second in seconds for event in protocol.check(time_ns=NOON_NS + second * S)]


def test_a_connection_that_says_nothing_is_given_up():
    protocol = watching("BTC/USD")
    received(protocol, HEARTBEAT)

    checked(protocol, *range(1, 11))
    before = protocol.reconnect_reason
    checked(protocol, 11)

    assert (before, protocol.reconnect_reason) == ("", "nothing was received for 10 s")


def test_a_connection_whose_heartbeat_stops_is_given_up_though_it_says_other_things():
    protocol = watching("BTC/USD")

    for second in range(14):
        now_ns = NOON_NS + second * S
        received(protocol, *([HEARTBEAT] if second < 3 else []), trade("BTC/USD", second + 1), time_ns=now_ns)
        protocol.check(time_ns=now_ns)

    assert protocol.reconnect_reason == "no heartbeat came for 10 s"


def test_when_we_slept_ourselves_what_came_meanwhile_is_read_first():
    protocol = watching("BTC/USD")
    checked(protocol, 1, 2, 600)

    received(protocol, HEARTBEAT, time_ns=NOON_NS + 600 * S)
    checked(protocol, 601)

    assert protocol.reconnect_reason == ""


def test_a_book_that_shows_none_of_the_prints_is_lost_and_asked_for():
    protocol = watching("BTC/USD")
    received(protocol, docs_book())
    requests_of(protocol)

    received(protocol, trade("BTC/USD", 1), trade("BTC/USD", 2), trade("BTC/USD", 3), time_ns=NOON_NS + S)
    quiet, found = checked(protocol, 2, 11), checked(protocol, 12)

    assert [event for event in quiet if isinstance(event, BookLost)] == []
    assert BookLost("BTC/USD", "silent", "prints came, and no book showed them") in found
    assert ("subscribe", "book", ["BTC/USD"]) in requests_of(protocol)


def test_a_quiet_book_is_no_dead_book():
    protocol = watching("BTC/USD")
    received(protocol, docs_book())

    for second in range(1, 120):
        received(protocol, HEARTBEAT, time_ns=NOON_NS + second * S)
        assert not any(isinstance(event, BookLost) for event in checked(protocol, second))


def test_trades_that_only_the_ticker_has_show_a_dead_subscription():
    protocol = watching("BTC/USD")
    received(protocol, TICKER, TICKER, TICKER)
    requests_of(protocol)

    found = checked(protocol, 11)

    assert SubscriptionSilent("trade", "BTC/USD", "other channels show trades that it does not") in found
    again = [("unsubscribe", "trade", ["BTC/USD"]), ("subscribe", "trade", ["BTC/USD"])]
    assert [request for request in requests_of(protocol) if request in again][-2:] == again


def test_trades_that_only_rest_knows_show_a_dead_subscription_and_are_reported_late():
    protocol = watching("BTC/USD")
    received(protocol, trade("BTC/USD", 1))
    requests_of(protocol)
    missed = Trade("BTC/USD", 2, Side.SELL, 1000, 5, NOON_NS + 123_456_789)

    events = received(protocol, repair_message(protocol.instruments["BTC/USD"], [missed]))

    assert [type(event) for event in events[:1]] == [SubscriptionSilent]
    assert (events[1].trade, events[1].is_late) == (missed, True)
    assert ("subscribe", "trade", ["BTC/USD"]) in requests_of(protocol)


def test_the_lag_comes_once_a_second_and_measured_against_the_quickest():
    protocol = watching("BTC/USD")
    measured = []
    for second, delay_s in enumerate((0.1, 0.1, 6, 3, 1)):
        # The message's timestamp is noon; what differs is when it comes.
        received(protocol, docs_book(), time_ns=NOON_NS + int(delay_s * S))
        measured += [event for event in checked(protocol, second) if isinstance(event, LagMeasured)]

    assert [round(event.lag_ns / S, 1) for event in measured] == [0.1, 0.1, 6, 3, 1]
    assert [event.is_behind for event in measured] == [False, False, True, True, False]
    assert checked(protocol, 9) == []


def test_a_connection_that_is_late_for_a_minute_is_given_up_since_a_clock_may_have_been_set():
    liveness, verdicts = Liveness(0, 0), []

    for second in range(75):
        liveness.received_ns = second * S
        liveness.measure_lag(30 * S if second >= 5 else 0)
        verdicts.append(liveness.broken_reason(second * S))

    assert set(verdicts[:65]) == {""}
    assert verdicts[65] == "messages have been late for 60 s"


def test_a_connection_that_never_lists_its_instruments_is_given_up():
    protocol = KrakenProtocol(["BTC/USD"], time_ns=NOON_NS)
    received(protocol, b'{"method":"subscribe","req_id":1,"success":true,"result":{"channel":"instrument"}}')
    reasons = []

    for second in range(1, 33):
        received(protocol, HEARTBEAT, time_ns=NOON_NS + second * S)
        checked(protocol, second)
        reasons.append(protocol.reconnect_reason)

    assert set(reasons[:30]) == {""}
    assert reasons[30] == "no instruments came in 30 s"


def test_several_tickers_of_one_trade_contradict_nothing_however_long_nobody_trades_then():
    protocol = watching("BTC/USD")
    received(protocol, trade("BTC/USD", 1, 2, 3), TICKER, TICKER, TICKER)

    found = checked(protocol, *range(1, 13))

    assert not any(isinstance(event, SubscriptionSilent) for event in found)
