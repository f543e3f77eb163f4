"""A listener played the same gives the same frames, wherever it begins."""

from itertools import groupby

import msgspec
import pytest

from marketdata.framing.frame_builder import BuilderMemory, FrameBuilder
from marketdata.framing.listener import InvalidMemory, Listener, ListenerMemory
from marketdata.framing.records import Kind, Record
from marketdata.kraken.books import Books
from marketdata.kraken.liveness import Liveness
from marketdata.kraken.protocol import KrakenProtocol
from marketdata.kraken.requests import Requests
from marketdata.kraken.tape import LastPrint, Tape
from marketdata.recording.files import InvalidRecording
from marketdata.recording.replay import HOLE, Replay
from tests.marketdata.recorded import captured_day, fresh_listener, played
from tests.marketdata.wire import NOON_NS
from trading.frames import encode_frame

DAY = captured_day()


class Notebook:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def note(self, listener, kind, time_ns, payload):
        self.records.append(Record(kind, self.records[-1].time_ns if time_ns is None else time_ns, payload))


def encoded(frames) -> list[bytes]:
    return [encode_frame(frame) for frame in frames]


def known(listener: Listener) -> ListenerMemory:
    """Return what a listener knows; as bytes, sets would differ by the order of their making."""
    return msgspec.msgpack.decode(listener.memory(), type=ListenerMemory)


def test_what_a_listener_is_reported_is_what_it_can_be_given_again():
    notebook = Notebook()
    listener = fresh_listener(recorder=notebook)

    frames = played(listener, DAY)

    assert notebook.records == DAY
    assert encoded(played(fresh_listener(), notebook.records)) == encoded(frames)
    assert [gap.reason for gap in (frame.gap for frame in frames) if gap] == ["the line was cut"]
    statuses = [frame.statuses["BTC/USD"] for frame in frames if "BTC/USD" in frame.statuses]
    assert [status for status, _ in groupby(statuses)][-3:] == ["online", "stale", "online"]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.97, 0.99, 0.995])
def test_a_listener_that_remembers_goes_on_byte_for_byte(share):
    listener = fresh_listener(after_sequence=17_000_000_000, tape=Tape({"BTC/USD": LastPrint(5, 0)}))
    at = int(share * len(DAY))
    played(listener, DAY[:at])

    other = Listener.remembering(listener.memory())

    assert encoded(played(other, DAY[at:])) == encoded(played(listener, DAY[at:]))
    assert known(other) == known(listener)
    assert other.outgoing() == listener.outgoing()


def test_the_memory_in_older_recordings_is_read_by_its_stored_names():
    assert "heard_ns" in Liveness.__struct_encode_fields__
    assert {"can_ask_again", "tape", "protocol"} <= set(ListenerMemory.__struct_encode_fields__)


def test_nothing_that_a_listener_knows_is_left_out_of_its_memory():
    fields = {f"_{name}" for name in BuilderMemory.__struct_fields__}
    requests = Requests()
    protocol = KrakenProtocol(("BTC/USD",))

    assert set(vars(FrameBuilder())) == fields
    assert set(vars(requests)) == {"_queue", "_unanswered", "_last_id", "_pings"}
    assert set(vars(Books({}, requests, depth=25, can_ask_again=True))) == {
        *("verified", "_depths", "_awaited", "_losses", "stamps", "_asks"),
        *(
            "was_right",
            "received_ns",
            "_levels",
            "_changed",
            "_instruments",
            "_requests",
            "_depth",
            "_can_ask_again",
        ),  # made anew, or another's
    }
    assert set(vars(protocol)) == {
        *("instruments", "_subscribed", "_gave_up", "_requests", "_books", "_liveness", "symbols", "tape"),
        *("_can_ask_again", "_channels", "_times_of", "_refusals", "_pinged_ns"),
    }
    assert set(vars(fresh_listener())) == {
        *(
            "_symbols",
            "_depth",
            "_can_ask_again",
            "tape",
            "_builder",
            "_protocol",
            "_observer",
            "_recorder",
            "_frame_ends_ns",
            "_advanced_ns",
            "_has_clock",
        )
    }


def test_what_is_missing_in_a_recording_is_a_gap_and_then_the_frames_are_the_same():
    listener, replay = fresh_listener(), Replay()
    begins, resumes = 400, 900
    memory = Record(Kind.MEMORY, DAY[0].time_ns, listener.memory())
    live = played(listener, DAY[:begins])
    played(listener, DAY[begins:resumes])
    later = Record(Kind.MEMORY, DAY[resumes].time_ns, listener.memory())
    live_after = played(listener, DAY[resumes:])

    before = [frame for record in [memory, *DAY[:begins]] for frame in replay.take(record)]
    after = [frame for record in [later, *DAY[resumes:]] for frame in replay.take(record)]

    assert encoded(before) == encoded(live)
    assert (after[0].sequence, after[0].is_keyframe) == (live_after[0].sequence, True)
    assert (after[0].gap.from_ns, after[0].gap.reason) == (before[-1].time_ns, HOLE)
    assert after[0].gap.to_ns == after[0].time_ns - 100_000_000
    assert encoded(after[1:]) == encoded(live_after[1:])


def test_two_recordings_of_the_same_minute_give_each_frame_once():
    replay = Replay()
    memory = Record(Kind.MEMORY, DAY[0].time_ns, fresh_listener().memory())

    frames = [frame for record in [memory, *DAY, memory, *DAY] for frame in replay.take(record)]

    assert encoded(frames) == encoded(played(fresh_listener(), DAY))


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([Record(Kind.CONNECTED, NOON_NS)], "begins with CONNECTED; expected MEMORY"),
        ([Record(Kind.MEMORY, NOON_NS, b"junk")], "4 bytes are not a listener's memory"),
        (
            [Record(Kind.MEMORY, NOON_NS, fresh_listener().memory()), Record(Kind.MESSAGE, NOON_NS, b"{}")],
            "a message of 2 bytes came without a connection",
        ),
    ],
)
def test_what_no_feed_received_is_refused(records, complaint):
    replay = Replay()

    with pytest.raises(InvalidRecording, match=complaint):
        for record in records:
            replay.take(record)


def test_a_memory_is_checked_before_it_is_believed():
    with pytest.raises(InvalidMemory, match="3 bytes are not a listener's memory"):
        Listener.remembering(b"\x93\x01\x02")
