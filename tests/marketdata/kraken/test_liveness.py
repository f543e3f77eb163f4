"""A connection that went silent, a subscription that is dead, messages that come late: as the protocol decides."""

import pytest

from marketdata.kraken.events import BookLost, ConnectionQuiet, LagMeasured, SubscriptionSilent
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


def test_a_book_that_shows_none_of_the_prints_is_lost_within_five_seconds():
    protocol = watching("BTC/USD", "ETH/USD")
    received(protocol, docs_book())
    requests_of(protocol)

    received(protocol, trade("BTC/USD", 1), TICKER, time_ns=NOON_NS + 2 * S)
    quiet, found = checked(protocol, 3, 4, 5), checked(protocol, 6)

    assert [event for event in quiet if isinstance(event, BookLost)] == []
    assert BookLost("BTC/USD", "silent", "trades came, and the book did not move") in found
    assert ("subscribe", "book", ["BTC/USD"]) in requests_of(protocol)


def test_a_silent_book_that_was_right_is_no_failure_and_gets_more_time():
    protocol = watching("BTC/USD")
    received(protocol, docs_book())
    lost_s = []

    for second in range(2, 40):
        received(protocol, trade("BTC/USD", second), TICKER, time_ns=NOON_NS + second * S)
        if any(isinstance(event, BookLost) for event in checked(protocol, second)):
            lost_s.append(second)
            received(protocol, docs_book(), time_ns=NOON_NS + second * S)

    assert "BTC/USD" in protocol.books
    assert lost_s[0] <= 7
    assert lost_s[1] - lost_s[0] > 6


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


def lag_events(protocol, delays_s):
    measured = []
    for second, delay_s in enumerate(delays_s):
        # The message's timestamp is noon; what differs is when it comes.
        received(protocol, docs_book(), time_ns=NOON_NS + int(delay_s * S))
        received(protocol, HEARTBEAT, time_ns=NOON_NS + second * S)
        measured += [event for event in checked(protocol, second) if isinstance(event, LagMeasured)]
    return measured


def test_the_lag_comes_once_a_second_and_the_middle_of_the_newest_counts():
    measured = lag_events(watching("BTC/USD"), (*[0.1] * 10, *[6] * 5, *[1] * 5))

    assert [round(event.lag_ns / S, 1) for event in measured[8:12]] == [0.1, 0.1, 6, 6]
    assert [event.is_behind for event in measured] == [*[False] * 12, *[True] * 5, *[False] * 3]


@pytest.mark.parametrize("odd_s", [-3_600, 3_600, -20])
def test_one_odd_timestamp_makes_nothing_late_then_or_later(odd_s):
    measured = lag_events(watching("BTC/USD"), (*[0.1] * 12, odd_s, *[0.1] * 100))

    assert not any(event.is_behind for event in measured)


def test_of_two_pairs_the_one_with_odd_timestamps_makes_the_other_no_later():
    protocol, behind = watching("BTC/USD", "ETH/USD"), []

    for second in range(40):
        for symbol, age_s in (("BTC/USD", 0), ("ETH/USD", 3_600)):
            stamp = f"2026-07-07T{'12' if not age_s else '11'}:00:{second:02d}.000001Z".encode()
            message = docs_book().replace(b"BTC/USD", symbol.encode())
            message = message.replace(b"2026-07-07T12:00:00.000001Z", stamp)
            received(protocol, message, time_ns=NOON_NS + second * S)
        behind += [event.is_behind for event in checked(protocol, second) if isinstance(event, LagMeasured)]

    assert behind == [False] * 40


def test_a_connection_that_is_late_for_a_minute_is_given_up():
    liveness, verdicts = Liveness(0, 0), []

    for second in range(85):
        liveness.received_ns = second * S
        liveness.measure_lag(30 * S if second >= 12 else 0, None)
        verdicts.append(liveness.broken_reason(second * S))

    assert set(verdicts[:74]) == {""}
    assert verdicts[75] == "messages have been late for 60 s"


def test_what_is_of_no_use_keeps_no_connection_alive():
    protocol = watching("BTC/USD")
    received(protocol, HEARTBEAT)

    for second in range(1, 13):
        received(protocol, b'{"channel":"weather","data":[]}', b"", time_ns=NOON_NS + second * S)
        checked(protocol, second)

    assert protocol.reconnect_reason == "nothing was received for 10 s"


def test_a_connection_on_which_nothing_comes_is_quiet_after_five_seconds_and_until_something_does():
    protocol = watching("BTC/USD")
    received(protocol, HEARTBEAT)

    events = checked(protocol, *range(1, 9))
    received(protocol, HEARTBEAT, time_ns=NOON_NS + 9 * S)
    events += checked(protocol, 9, 10)

    assert [event.is_quiet for event in events if isinstance(event, ConnectionQuiet)] == [True, False]


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
