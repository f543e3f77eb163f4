import json

import pytest

from marketdata.kraken.events import BookChanged, InstrumentsChanged, Subscribed, TradeSeen
from marketdata.kraken.protocol import KrakenProtocol
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.session import Session
from trading.frames import NS_PER_S

T0 = 1_783_425_600 * NS_PER_S
S = NS_PER_S
MARKET = SimulatedMarket(1)


def said(session: Session, method: str, channel: str, symbols: object = None, **params: object) -> list[dict]:
    """Return the session's answers to one request, decoded."""
    named = {} if symbols is None else {"symbol": symbols}
    request = {"method": method, "params": {"channel": channel, **named, **params}, "req_id": 7}
    return [json.loads(answer) for answer in session.receive(json.dumps(request).encode())]


def test_a_connection_is_greeted_with_the_exchange_s_status():
    (greeting,) = Session(MARKET, T0).greeting()

    message = json.loads(greeting)
    assert (message["channel"], message["data"][0]["system"]) == ("status", "online")
    assert message["data"][0]["connection_id"] > 1 << 53


def test_every_symbol_has_its_own_acknowledgement_and_snapshots_follow_them():
    answers = said(Session(MARKET, T0), "subscribe", "book", ["BTC/USD", "ETH/USD"], depth=10, snapshot=True)

    acks, snapshots = answers[:2], answers[2:]
    assert [ack["result"] for ack in acks] == [
        {"channel": "book", "depth": 10, "snapshot": True, "symbol": symbol} for symbol in ("BTC/USD", "ETH/USD")
    ]
    assert {(ack["method"], ack["req_id"], ack["success"]) for ack in acks} == {("subscribe", 7, True)}
    assert [(s["channel"], s["type"], s["data"][0]["symbol"]) for s in snapshots] == [
        ("book", "snapshot", "BTC/USD"),
        ("book", "snapshot", "ETH/USD"),
    ]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (("subscribe", "book", ["XBT/USD"]), "Currency pair not supported XBT/USD"),
        (("subscribe", "book", "BTC/USD"), "Symbol field must be an array"),
        (
            ("subscribe", "executions"),
            "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com",
        ),
        (("unsubscribe", "trade", ["BTC/USD"]), "Subscription Not Found"),
        (("unsubscribe", "instrument"), "Subscription Not Found"),
    ],
)
def test_what_cannot_be_is_refused_in_kraken_s_words(request_, error):
    (answer,) = said(Session(MARKET, T0), *request_)

    assert (answer["success"], answer["error"], answer["req_id"]) == (False, error, 7)


@pytest.mark.parametrize("depth", [0, 11, "10", None, True, -10])
def test_a_depth_that_kraken_does_not_know_is_refused_not_rounded(depth):
    (answer,) = said(Session(MARKET, T0), "subscribe", "book", ["BTC/USD"], depth=depth)

    assert answer["error"] == "Subscription depth not supported"


def test_what_is_subscribed_cannot_be_subscribed_again():
    session = Session(MARKET, T0)
    said(session, "subscribe", "trade", ["BTC/USD"])

    (answer,) = said(session, "subscribe", "trade", ["BTC/USD"])

    assert answer["error"] == "Already subscribed"


def test_the_end_of_a_book_must_name_its_depth():
    session = Session(MARKET, T0)
    said(session, "subscribe", "book", ["BTC/USD"], depth=25)

    (wrong,) = said(session, "unsubscribe", "book", ["BTC/USD"], depth=10)
    (right,) = said(session, "unsubscribe", "book", ["BTC/USD"], depth=25)

    assert wrong["error"] == "Subscription Not Found"
    assert right["result"] == {"channel": "book", "depth": 25, "symbol": "BTC/USD"}
    assert session.advance(T0 + S) == []


def test_a_ping_is_answered_with_its_number():
    (answer,) = Session(MARKET, T0).receive(b'{"method":"ping","req_id":42}')

    assert (json.loads(answer)["method"], json.loads(answer)["req_id"]) == ("pong", 42)


@pytest.mark.parametrize("junk", [b"", b"junk", b"[]", b'{"method":7}', b"\xff", b'{"params":{"channel":[]}}'])
def test_junk_is_answered_with_an_error(junk):
    (answer,) = Session(MARKET, T0).receive(junk)

    assert json.loads(answer)["success"] is False


def test_who_has_subscribed_nothing_receives_nothing_not_even_a_heartbeat():
    assert Session(MARKET, T0).advance(T0 + 60 * S) == []


def test_the_heart_beats_once_a_second():
    session = Session(MARKET, T0)
    said(session, "subscribe", "instrument")

    beats = [message for tenth in range(1, 51) for message in session.advance(T0 + tenth * S // 10)]

    assert beats == [b'{"channel":"heartbeat"}'] * 5


@pytest.mark.parametrize("trigger", ["trades", "bbo"])
def test_a_ticker_has_quotes_at_full_precision(trigger):
    session = Session(MARKET, T0)

    _ack, snapshot = said(session, "subscribe", "ticker", ["XRP/BTC"], event_trigger=trigger)
    updates = [message for message in session.advance(T0 + 60 * S) if b'"ticker"' in message]

    quote = snapshot["data"][0]
    assert quote["bid"] < quote["ask"]
    assert quote["low"] <= quote["last"] <= quote["high"]
    assert updates
    assert b'"bid":0.0000' in updates[0]


def test_snapshots_and_updates_join_without_a_seam_however_time_is_cut():
    """Our own protocol verifies every checksum and every id, whoever talks to it."""
    session, protocol = Session(MARKET, T0), KrakenProtocol(MARKET.pairs, time_ns=T0)
    events = []

    def receive(messages: list[bytes]) -> None:
        for message in messages:
            events.extend(protocol.receive(message, time_ns=T0))
            for request in protocol.outgoing():
                receive(session.receive(request))

    for request in protocol.outgoing():
        receive(session.receive(request))
    now_ns = T0
    for stretch_ms in [1, 7, 100, 250, 3_000, 50, 50, 20_000, 99, 130] * 3:
        now_ns += stretch_ms * 1_000_000
        receive(session.advance(now_ns))

    kinds = {type(event).__name__ for event in events}
    assert kinds == {"InstrumentsChanged", "Subscribed", "BookChanged", "TradeSeen", "TickerSeen", "Heartbeat"}
    assert sum(isinstance(event, Subscribed) for event in events) == 1 + 3 * len(MARKET.pairs)
    assert next(e for e in events if isinstance(e, InstrumentsChanged)).instruments == tuple(
        pair.instrument for pair in MARKET.pairs.values()
    )
    trades = [event.trade for event in events if isinstance(event, TradeSeen)]
    assert trades[:1] + trades == trades[:1] + sorted(trades, key=lambda t: t.time_ns)
    for symbol in MARKET.pairs:
        received = [trade for trade in trades if trade.symbol == symbol]
        assert received == MARKET.trades(symbol, T0, now_ns)
        assert protocol.books[symbol].top(25) == MARKET.book(symbol, now_ns, 25)
    assert sum(isinstance(event, BookChanged) for event in events) > 100
