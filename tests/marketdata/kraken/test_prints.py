"""What a print may say: what cannot be is named and left out, and it hides no other print."""

import json

import pytest

from marketdata.kraken.events import BadFrame, TradeSeen
from marketdata.kraken.protocol import KrakenProtocol
from tests.marketdata.wire import NOON_NS, received, requests_of, trade, watching
from trading.frames import NS_PER_S, utc

S = NS_PER_S


def stamp(at_s: float) -> str:
    return f"{utc(NOON_NS + round(at_s * S)):%Y-%m-%dT%H:%M:%S.%f}Z"


def answered(protocol: KrakenProtocol, ahead_s: float = 0.0, at_s: float = 0.0) -> None:
    """Let the exchange answer three pings; its clock is so far ahead of ours."""
    for _ in range(3):
        protocol.ping()
        ping_id = protocol._requests._last_id
        times = f'"time_in":"{stamp(at_s + ahead_s)}","time_out":"{stamp(at_s + ahead_s)}"'
        pong = f'{{"method":"pong","req_id":{ping_id},{times}}}'.encode()
        received(protocol, pong, time_ns=NOON_NS + round(at_s * S))
    requests_of(protocol)


def print_at(at_s: float, trade_id: int = 1, kind: str = "update", **changed: str) -> bytes:
    old = f"2026-07-07T12:00:00.{trade_id % 1_000_000:06d}Z"
    message = trade("BTC/USD", trade_id, kind=kind).replace(old.encode(), stamp(at_s).encode())
    for name, value in changed.items():
        before = {"price": b'"price":100.0', "qty": b'"qty":0.50000000'}[name]
        message = message.replace(before, f'"{name}":{value}'.encode())
    return message


def known(ahead_s: float = 0.0) -> KrakenProtocol:
    protocol = watching("BTC/USD")
    answered(protocol, ahead_s)
    return protocol


@pytest.mark.parametrize("at_s", [16, 90, 5_400, 365 * 86_400, -1_000, -365 * 86_400 * 30])
def test_a_print_from_far_in_the_future_or_the_past_is_named_and_is_no_print(at_s):
    (event,) = received(known(), print_at(at_s))

    assert isinstance(event, BadFrame)
    assert event.symbol == "BTC/USD"
    assert ("from the future" in event.reason) == (at_s > 0)


@pytest.mark.parametrize("at_s", [14, 0, -60, -800])
def test_a_print_of_the_present_is_one(at_s):
    (event,) = received(known(), print_at(at_s))

    assert isinstance(event, TradeSeen)


@pytest.mark.parametrize("ahead_s", [90, -90, 3_600])
def test_the_present_is_the_exchange_s_where_our_clock_is_wrong(ahead_s):
    fits, does_not = received(known(ahead_s), print_at(ahead_s, 1), print_at(ahead_s + 60, 2))

    assert (type(fits), type(does_not)) == (TradeSeen, BadFrame)


def test_prints_of_a_snapshot_may_be_months_old():
    protocol = known()
    received(protocol, print_at(-90 * 86_400, 1, kind="snapshot"))

    (event,) = received(protocol, print_at(-80 * 86_400, 2, kind="snapshot"))

    assert isinstance(event, TradeSeen)


@pytest.mark.parametrize("changed", [{"price": "0.0"}, {"price": "-1.0"}, {"qty": "0"}, {"qty": "-0.5"}])
def test_a_price_or_a_quantity_of_zero_or_below_is_no_print(changed):
    (event,) = received(known(), print_at(0, **changed))

    assert isinstance(event, BadFrame)
    assert event.symbol == "BTC/USD"


def test_one_odd_print_hides_no_other_of_its_message():
    message = trade("BTC/USD", 1, 2, 3).replace(b'"trade_id":2', b'"trade_id":"two"')

    events = received(watching("BTC/USD"), message)

    assert [event.trade.trade_id for event in events if isinstance(event, TradeSeen)] == [1, 3]
    assert sum(isinstance(event, BadFrame) for event in events) == 1


def test_a_refused_subscription_to_trades_is_requested_again_later_and_more_slowly():
    protocol = watching("BTC/USD", "ETH/USD")
    answered(protocol)
    asked_s = []

    refusal = b'{"error":"no","method":"subscribe","req_id":3,"success":false,"symbol":"BTC/USD"}'
    received(protocol, refusal)
    for second in range(1, 80):
        protocol.check(time_ns=NOON_NS + second * S)
        for request in map(json.loads, protocol.outgoing()):
            params = request.get("params", {})
            if (params.get("channel"), params.get("symbol")) == ("trade", ["BTC/USD"]):
                asked_s.append(second)
                about = f'"req_id":{request["req_id"]}'.encode()
                received(protocol, refusal.replace(b'"req_id":3', about), time_ns=NOON_NS + second * S)

    assert asked_s == [10, 30, 70]


def test_an_answer_that_nobody_requested_is_named_and_changes_nothing():
    message = (
        b'{"method":"subscribe","req_id":99,"success":true,'
        b'"result":{"channel":"book","symbol":"DOGE/USD","depth":1000}}'
    )

    (event,) = received(watching("BTC/USD"), message)

    assert event == BadFrame("answer about book DOGE/USD, which was not requested", "")


def test_a_ticker_of_a_stranger_is_named():
    message = b'{"channel":"ticker","type":"update","data":[{"symbol":"DOGE/USD"}]}'

    (event,) = received(watching("BTC/USD"), message)

    assert event == BadFrame("ticker of 'DOGE/USD', which was not requested", "")
