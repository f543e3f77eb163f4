"""What a faulty exchange says, compared with what the same exchange says in its calm."""

import json

import pytest

from marketdata.kraken import wire
from marketdata.simulation.fault_syntax import parse_faults
from marketdata.simulation.faulty import EXCEEDED, Closing, FaultyConnection, FaultyExchange, Sent
from marketdata.simulation.faulty_rest import FaultyRestSide
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.rest import RestSide
from marketdata.simulation.tampering import GIANT_BYTES, subject_of
from trading.book import BookError, OrderBook
from trading.frames import NS_PER_S

T0 = 1_783_425_600 * NS_PER_S
STEP_NS = NS_PER_S // 10
MARKET = SimulatedMarket(1)
HEARTBEAT = b'{"channel":"heartbeat"}'


class Client:
    """Subscribes to one pair, and notes what it is sent and when."""

    def __init__(self, faults: str, depth: int = 10) -> None:
        self.exchange = FaultyExchange(MARKET, parse_faults(faults), T0)
        self.connection = FaultyConnection(self.exchange, T0)
        self.now_ns = T0
        self.sent: list[tuple[float, Sent]] = []
        self._note(self.connection.greeting(T0))
        self.request("subscribe", "instrument")
        self.request("subscribe", "book", depth=depth)
        self.request("subscribe", "trade")

    def request(self, method: str, channel: str, **options) -> list[dict]:
        named = {} if channel == "instrument" else {"symbol": ["BTC/USD"]}
        request = {"method": method, "params": {"channel": channel, **named, **options}, "req_id": 1}
        answers = self.connection.receive(json.dumps(request).encode(), self.now_ns)
        self._note(answers)
        return [json.loads(answer.payload) for answer in answers]

    def wait(self, until_s: float) -> "Client":
        while self.now_ns < T0 + round(until_s * NS_PER_S):
            self.now_ns += STEP_NS
            self._note(self.connection.advance(self.now_ns))
        return self

    def _note(self, messages: list[Sent]) -> None:
        self.sent += [((self.now_ns - T0) / NS_PER_S, message) for message in messages]

    def payloads(self, channel: str = "") -> list[bytes]:
        return [sent.payload for _, sent in self.sent if channel in ("", subject_of(sent.payload).channel)]


CALM = Client("").wait(20).payloads()


def differing(client: Client) -> list[bytes]:
    """Return what is said that a calm exchange does not say."""
    return [payload for payload in client.payloads() if payload not in CALM]


def unsaid(client: Client) -> list[bytes]:
    return [payload for payload in CALM if payload not in client.payloads()]


def test_without_faults_every_word_is_the_session_s_own():
    client = Client("drop@1000").wait(20)

    assert client.payloads() == CALM
    assert {subject_of(message).channel for message in CALM} == {
        *("status", "answer", "instrument", "book"),
        *("trade", "heartbeat"),
    }


def test_the_same_faults_say_the_same_words():
    assert Client("random:4:60").wait(20).sent == Client("random:4:60").wait(20).sent


@pytest.mark.parametrize(("word", "code"), [("drop@5", 0), ("drop:1013@5", 1013)])
def test_a_connection_is_dropped(word, code):
    client = Client(word).wait(4.9)
    before = client.connection.closing

    client.wait(5)

    assert before is None
    assert client.connection.closing == Closing(code, "Market data unavailable" if code else "")
    assert not client.exchange.is_away()


def test_while_a_drop_lasts_nobody_can_connect():
    client = Client("drop@5+10").wait(6)

    assert client.exchange.is_away()
    client.wait(15)
    assert not client.exchange.is_away()


def test_a_silent_socket_says_nothing_more_and_answers_nothing():
    client = Client("silence@5").wait(20)

    assert client.request("subscribe", "ticker") == []
    assert max(time_s for time_s, _ in client.sent) < 5
    assert FaultyConnection(client.exchange, client.now_ns).greeting(client.now_ns)


def test_what_a_passing_silence_holds_back_comes_when_it_is_over():
    client = Client("silence@5+4").wait(20)

    assert client.payloads() == CALM
    assert not [time_s for time_s, _ in client.sent if 5 <= time_s < 9]


def test_a_dead_subscription_lives_when_it_is_made_anew():
    client = Client("dead:book@5:BTC/USD").wait(10)
    silent = [time_s for time_s, sent in client.sent if subject_of(sent.payload).channel == "book"]

    client.request("unsubscribe", "book", depth=10)
    client.request("subscribe", "book", depth=10)
    client.wait(20)

    assert max(silent) < 5
    assert unsaid(client)
    assert {subject_of(message).channel for message in unsaid(client)} == {"book"}
    assert [time_s for time_s, sent in client.sent if subject_of(sent.payload) == ("book", "BTC/USD", True)][-1] > 19


@pytest.mark.parametrize("word", ["corrupt@5", "checksum@5", "undelete@5"])
@pytest.mark.parametrize("depth", [10, 25])
def test_a_book_that_was_tampered_with_does_not_hold_its_checksum(word, depth):
    client = Client(word, depth).wait(20)
    book, levels = OrderBook(depth), wire.levels_of(price_decimals=1, qty_decimals=8)

    failures = 0
    for message in client.payloads("book"):
        data = wire.book_decoder.decode(message).data[0]
        book.apply(levels.read(data.bids), levels.read(data.asks))
        try:
            book.verify(data.checksum)
        except BookError:
            failures += 1
    assert failures >= 1


def test_only_the_tampered_message_differs():
    for word in ("corrupt@5", "checksum@5", "undelete@5"):
        client = Client(word).wait(20)

        (changed,), (instead_of,) = differing(client), unsaid(client)
        assert subject_of(changed) == subject_of(instead_of) == ("book", "BTC/USD", True)
        assert (changed.rpartition(b'"checksum"')[2] == instead_of.rpartition(b'"checksum"')[2]) == (
            word != "checksum@5"
        )


def test_two_messages_change_places():
    client = Client("reorder:book@5").wait(20)

    said = client.payloads()
    (moved,) = [at for at in range(len(CALM)) if sorted(said[:at]) == sorted(CALM[:at]) and said[at] != CALM[at]]
    assert sorted(said) == sorted(CALM)
    assert subject_of(CALM[moved]).channel == "book"


def test_a_message_comes_twice_or_never():
    twice, never = Client("duplicate:trade@5").wait(20), Client("lose:trade@5").wait(20)

    (lost,) = unsaid(never)
    (at,) = [
        at for at in range(len(CALM)) if twice.payloads()[at] == twice.payloads()[at + 1] and CALM[at] != HEARTBEAT
    ]
    assert twice.payloads()[at] == lost
    assert len(twice.sent) == len(CALM) + 1
    assert len(never.sent) == len(CALM) - 1


def test_while_a_loss_lasts_all_messages_of_a_channel_are_lost():
    client = Client("lose:book@5+5").wait(20)

    times_s = [time_s for time_s, sent in client.sent if subject_of(sent.payload).channel == "book"]
    assert not [time_s for time_s in times_s if 5 <= time_s < 10]
    assert max(times_s) > 19


def test_garbage_comes_between_messages_and_none_is_missing():
    client = Client("garbage@5+10").wait(20)

    assert unsaid(client) == []
    assert len(differing(client)) > 10


def test_garbage_may_be_no_text_at_all():
    (garbage,) = differing(Client("garbage:utf8@5").wait(20))

    with pytest.raises(UnicodeDecodeError):
        garbage.decode()


def test_a_giant_is_a_true_instrument_update_or_binary():
    (text,) = differing(Client("giant@5").wait(20))
    (binary,) = [sent for _, sent in Client("giant:binary@5").wait(20).sent if not sent.is_text]

    assert json.loads(text)["data"]["pairs"][-1]["quote"] == "USD"
    assert 0.9 * GIANT_BYTES < len(text) < 1.1 * GIANT_BYTES
    assert len(binary.payload) == GIANT_BYTES


def test_a_slow_server_says_everything_late_and_in_order():
    client = Client("slow:3@5+6").wait(20)

    assert client.payloads() == CALM
    beats_s = [time_s for time_s, sent in client.sent if sent.payload == HEARTBEAT]
    assert beats_s[:10] == [*(1.0, 2.0, 3.0, 4.0), *(8.0, 9.0, 10.0, 11.0, 12.0, 13.0)]
    assert beats_s[-1] == 20.0


def test_too_many_requests_are_refused_without_being_received():
    client = Client("rate:2@5").wait(5)

    answers = [client.request("subscribe", "ticker") for _ in range(3)]

    assert answers[:2] == [[json.loads(EXCEEDED)]] * 2
    assert answers[2][0]["success"] is True


def test_maintenance_is_reported_on_the_connection_and_to_who_comes():
    client = Client("maintenance:8@5").wait(20)
    systems = [json.loads(message)["data"][0]["system"] for message in client.payloads("status")]

    late = Client("maintenance:8@0")

    assert systems == ["online", "maintenance", "cancel_only", "post_only", "online"]
    assert json.loads(late.payloads("status")[0])["data"][0]["system"] == "maintenance"


def test_a_delisted_pair_is_reported_silent_and_refused_until_it_comes_back():
    client = Client("delist@5+5:BTC/USD").wait(7)
    client.request("unsubscribe", "book", depth=10)
    (refused,) = client.request("subscribe", "book", depth=10)
    client.wait(20)

    statuses = [json.loads(m)["data"]["pairs"][0]["status"] for m in client.payloads("instrument")]
    assert statuses == ["online", "delisted", "online"]
    assert refused["error"] == "Currency pair not supported BTC/USD"
    trades_s = [time_s for time_s, sent in client.sent if subject_of(sent.payload).channel == "trade"]
    assert not [time_s for time_s in trades_s if 5 <= time_s < 10]
    assert max(trades_s) > 10


def test_a_pair_s_status_changes_and_nothing_else():
    client = Client("pair:post_only@5+5:BTC/USD").wait(20)

    assert [json.loads(m)["data"]["pairs"][0]["status"] for m in differing(client)] == ["post_only", "online"]


def test_skewed_times_are_ahead_and_prices_are_true():
    client = Client("skew:5@5+5").wait(20)

    changed = [json.loads(m) for m in differing(client) if subject_of(m).channel == "trade"]
    true = [json.loads(m) for m in unsaid(client) if subject_of(m).channel == "trade"]
    assert len(changed) == len(true) > 1
    for sent, truth in zip(changed, true, strict=True):
        assert sent["data"][0]["trade_id"] == truth["data"][0]["trade_id"]
        assert sent["data"][0]["timestamp"] > truth["data"][0]["timestamp"]


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [("rest:429@5+5", 429, "html"), ("rest:520@5+5", 520, "html"), ("rest:html@5+5", 200, "html")],
)
def test_rest_refuses_for_a_while(word, status, kind):
    side = FaultyRestSide(RestSide(MARKET), parse_faults(word), T0)

    refused = side.answer("SystemStatus", {}, T0 + 6 * NS_PER_S)
    answered = side.answer("SystemStatus", {}, T0 + 10 * NS_PER_S)

    assert refused.status == status
    assert kind in refused.content_type
    assert (answered.status, json.loads(answered.body)["result"]["status"]) == (200, "online")


def test_rest_has_maintenance_and_delisting_as_the_socket_does():
    side = FaultyRestSide(RestSide(MARKET), parse_faults("maintenance:8@5,delist@5:BTC/USD"), T0)

    status = json.loads(side.answer("SystemStatus", {}, T0 + 6 * NS_PER_S).body)["result"]["status"]
    pairs = json.loads(side.answer("AssetPairs", {}, T0 + 6 * NS_PER_S).body)["result"]

    assert status == "maintenance"
    assert {pair["altname"]: pair["status"] for pair in pairs.values()}["XBTUSD"] == "delisted"
    assert pairs["ETHUSD"]["status"] == "online"
