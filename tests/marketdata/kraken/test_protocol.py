import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.kraken.events import (
    BadFrame,
    Heartbeat,
    InstrumentsChanged,
    RequestRefused,
    StatusChanged,
    Subscribed,
    SubscriptionRefused,
    TickerSeen,
    TradesMissed,
)
from marketdata.kraken.protocol import KrakenProtocol
from marketdata.kraken.tape import LastPrint, Tape
from tests.marketdata.wire import (
    NOON_NS,
    capture_lines,
    docs_book,
    instruments,
    received,
    requests_of,
    trade,
    watching,
)
from trading.book import Side
from trading.frames import NS_PER_S

S = NS_PER_S


def test_the_instruments_are_asked_for_first_and_alone():
    protocol = KrakenProtocol(["BTC/USD", "ETH/USD"])

    assert requests_of(protocol) == [("subscribe", "instrument", [])]


def test_known_symbols_are_subscribed_together_one_request_a_channel():
    protocol = KrakenProtocol(["BTC/USD", "ETH/USD"])
    protocol.outgoing()

    received(protocol, instruments("BTC/USD", "ETH/USD", "SOL/USD"))

    both = ["BTC/USD", "ETH/USD"]
    assert requests_of(protocol) == [
        ("subscribe", "book", both),
        ("subscribe", "trade", both),
        ("subscribe", "ticker", both),
    ]


def test_what_was_sent_is_not_sent_again():
    protocol = KrakenProtocol(["BTC/USD"])
    protocol.outgoing()

    assert protocol.outgoing() == []


def test_instruments_are_read_from_exponents():
    (event,) = received(KrakenProtocol(["BTC/USD"]), instruments("BTC/USD", "ETH/USD"))

    assert isinstance(event, InstrumentsChanged)
    (instrument,) = event.instruments
    assert (instrument.symbol, instrument.price_decimals, instrument.qty_min_lots) == ("BTC/USD", 1, 5_000)


def test_a_symbol_that_the_exchange_does_not_list_is_named():
    events = received(KrakenProtocol(["BTC/USD", "XBT/USD"]), instruments("BTC/USD"))

    said = "the exchange lists no such pair; nearest: BTC/USD"
    assert events[1:] == [SubscriptionRefused("instrument", "XBT/USD", said)]


def test_a_pair_whose_rules_cannot_be_read_hides_no_other():
    odd = instruments("BTC/USD", "ETH/USD").replace(b'"price_precision":1', b'"price_precision":"one"', 1)

    events = received(KrakenProtocol(["BTC/USD", "ETH/USD"]), odd)

    assert [type(event) for event in events] == [InstrumentsChanged, BadFrame, SubscriptionRefused]
    assert events[0].instruments[0].symbol == "ETH/USD"


def test_an_instrument_that_stops_trading_is_reported_in_band():
    protocol = watching("BTC/USD")

    (event,) = received(protocol, instruments("BTC/USD", status="cancel_only", kind="update"))

    assert event.instruments[0].status == "cancel_only"


def test_an_unanswered_request_is_repeated_and_then_given_up():
    protocol = KrakenProtocol(["BTC/USD"], time_ns=NOON_NS)
    protocol.outgoing()

    repeated = []
    for attempt in range(1, 4):
        protocol.check(time_ns=NOON_NS + attempt * 5 * S)
        repeated.append(requests_of(protocol))

    assert repeated == [[("subscribe", "instrument", [])], [("subscribe", "instrument", [])], []]
    assert protocol.reconnect_reason == "subscribe of instrument was requested 3 times and never answered"


def test_only_the_symbols_without_an_answer_are_asked_again():
    protocol = watching("BTC/USD", "ETH/USD")
    received(
        protocol,
        b'{"method":"subscribe","req_id":2,"result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},'
        b'"success":true,"time_in":"2026-07-07T23:00:03.501510Z","time_out":"2026-07-07T23:00:03.501553Z"}',
    )

    protocol.check(time_ns=NOON_NS + 5 * S)

    assert ("subscribe", "book", ["ETH/USD"]) in requests_of(protocol)


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
def test_what_the_exchange_says_besides_prices_is_reported(message, event):
    assert received(watching("BTC/USD"), message) == [event]


def test_a_pong_is_no_news():
    assert received(watching("BTC/USD"), b'{"method":"pong","req_id":42,"time_in":"x","time_out":"y"}') == []


def test_a_trade_is_reported_exactly():
    (event,) = received(
        watching("ETH/USD", price=2),
        b'{"channel":"trade","type":"update","data":[{"symbol":"ETH/USD","side":"buy","price":1774.14,"qty":0.00147959,'
        b'"ord_type":"limit","trade_id":64175815,"timestamp":"2026-07-07T23:00:04.585581Z"}]}',
    )

    t = event.trade
    assert (t.symbol, t.trade_id, t.side, t.ticks, t.lots) == ("ETH/USD", 64175815, Side.BUY, 177414, 147959)
    assert t.time_ns == 1783465204585581000


def test_trades_from_before_we_watched_show_only_where_they_end():
    protocol = watching("BTC/USD")

    before = received(protocol, trade("BTC/USD", 7, 8, 9, kind="snapshot"))
    after = received(protocol, trade("BTC/USD", 10))

    assert before == []
    assert [event.trade.trade_id for event in after] == [10]


def test_a_snapshot_after_a_reconnect_has_only_what_was_missed():
    tape = Tape({"BTC/USD": LastPrint(8, NOON_NS)})
    protocol = watching("BTC/USD", tape=tape)

    events = received(protocol, trade("BTC/USD", 10, 9, 8, 7, kind="snapshot"))

    assert [event.trade.trade_id for event in events] == [9, 10]
    assert all(event.is_late for event in events)
    assert tape.newest["BTC/USD"].trade_id == 10


def test_ids_that_jump_are_a_gap_with_both_its_ends():
    protocol = watching("BTC/USD", tape=Tape({"BTC/USD": LastPrint(8, NOON_NS)}))

    events = received(protocol, trade("BTC/USD", 12))

    assert events[0] == TradesMissed("BTC/USD", 9, 11)
    assert events[1].trade.trade_id == 12


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
def test_what_cannot_be_understood_is_reported_as_such(message):
    (event,) = received(watching("BTC/USD"), message)

    assert isinstance(event, BadFrame)
    assert event.reason.isprintable()
    assert event.excerpt.isprintable()


SEEDS = [*capture_lines()[:12], instruments("BTC/USD"), trade("BTC/USD", 1, 2), docs_book()]


@given(st.binary(max_size=300))
def test_no_bytes_raise(message):
    protocol = watching("BTC/USD")

    received(protocol, message)


@settings(max_examples=300)
@given(st.sampled_from(SEEDS), st.integers(0, 400), st.integers(0, 12), st.binary(max_size=12))
def test_no_damage_to_a_real_message_raises(message, at, length, damage):
    protocol = watching("BTC/USD")

    received(protocol, message[:at] + damage + message[at + length :])
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

    received(watching("BTC/USD"), message)


def test_a_pair_that_is_listed_again_is_subscribed_anew():
    protocol = watching("BTC/USD")
    received(protocol, instruments("BTC/USD", status="delisted", kind="update"))
    before = requests_of(protocol)

    received(protocol, instruments("BTC/USD", kind="update"))

    assert before == []
    assert requests_of(protocol) == [
        ("subscribe", "trade", ["BTC/USD"]),
        ("subscribe", "ticker", ["BTC/USD"]),
        ("unsubscribe", "book", ["BTC/USD"]),
        ("subscribe", "book", ["BTC/USD"]),
    ]


@pytest.mark.parametrize(("symbol", "is_asked_for"), [("AAPLx/USD", True), ("BTC/USD", False)])
def test_stocks_as_tokens_are_asked_for_only_where_one_is_named(symbol, is_asked_for):
    (request,) = [json.loads(message) for message in KrakenProtocol([symbol]).outgoing()]

    assert request["params"].get("include_tokenized_assets", False) is is_asked_for


def test_a_pair_whose_currencies_contradict_its_name_is_refused_and_the_known_rules_stay():
    protocol = watching("BTC/USD")
    lying = instruments("BTC/USD", kind="update").replace(b'"quote":"USD"', b'"quote":"EUR"')

    (event,) = received(protocol, lying)

    assert isinstance(event, BadFrame)
    assert "pair 'BTC/USD' is said to be 'BTC' in 'EUR'" in event.reason
    assert protocol.instruments["BTC/USD"].quote == "USD"
