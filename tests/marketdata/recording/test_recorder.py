"""The recorder with a real disk and its real thread."""

import time
from pathlib import Path

import pytest

from marketdata.framing.records import Kind, Record
from marketdata.recording import recorder as recorder_module
from marketdata.recording.files import RecordingFile, RecordingWriter
from marketdata.recording.folders import State, files_in, recorded_file, verify
from marketdata.recording.reading import read_recording, recorded_frames
from marketdata.recording.recorder import DAY_NS, Recorder
from marketdata.recording.replay import HOLE
from tests.marketdata.recorded import captured_day, fresh_listener, played
from trading.frames import Frame, encode_frame

DAY = captured_day()
SYMBOLS = ("BTC/USD", "ETH/USD")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch):
    monkeypatch.setattr(recorder_module, "FLUSH_EVERY_S", 0.01)
    monkeypatch.setattr(recorder_module, "RETRY_S", 0.05)


def make_recorder(root: Path, **options) -> Recorder:
    options = {"rotate_bytes": 1 << 28, "max_bytes": 1 << 30, **options}
    return Recorder(root, "simulated:1", SYMBOLS, **options)


def until(condition, within_s: float = 10.0) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "not in time"
        time.sleep(0.005)


def record(root: Path, records: list[Record], *, pauses: int = 1, **options) -> tuple[Recorder, list[Frame]]:
    """Record a listener that is played ``records``, waiting ``pauses`` times for the disk; return its frames, too."""
    recorder = make_recorder(root, **options)
    recorder.start()
    listener = fresh_listener(recorder=recorder)
    frames: list[Frame] = []
    size = len(records) // pauses + 1
    for at in range(0, len(records), size):
        frames += played(listener, records[at : at + size])
        until(lambda: not recorder._queue)
        time.sleep(0.02)
    assert recorder.stop(10)
    return recorder, frames


def encoded(frames) -> list[bytes]:
    return [encode_frame(frame) for frame in frames]


def test_a_recording_gives_the_frames_of_the_listener_and_is_indexed(tmp_path):
    recorder, frames = record(tmp_path, DAY)

    (path,) = files_in(tmp_path)
    listed = recorded_file(path)
    messages = [r for r in DAY if r.kind is Kind.MESSAGE]
    assert path.parent.name == "simulated-1"
    assert encoded(recorded_frames(path)) == encoded(frames)
    assert list(read_recording(path)) == [(r.time_ns, r.payload) for r in messages]
    assert (listed.state, listed.index.messages, listed.index.records) == (State.FINISHED, len(messages), len(DAY) + 1)
    assert (listed.index.started_ns, listed.index.ended_ns) == (DAY[0].time_ns, DAY[-1].time_ns)
    assert verify(listed) is None
    assert (recorder.dropped, recorder.messages, recorder.errors()) == (0, len(messages), [])


def test_rotated_files_give_together_and_each_alone_the_frames_of_the_listener(tmp_path):
    _, frames = record(tmp_path, DAY, pauses=12, rotate_bytes=4_000)

    files = files_in(tmp_path)
    whole = encoded(frames)
    assert len(files) >= 5
    assert encoded(recorded_frames(tmp_path)) == whole
    for path in files:
        alone = encoded(recorded_frames(path))
        assert alone
        assert b"".join(alone) in b"".join(whole)
    assert [recorded_file(path).state for path in files] == [State.FINISHED] * len(files)


def test_a_new_utc_day_begins_a_new_file(tmp_path):
    midnight = (DAY[0].time_ns // DAY_NS + 1) * DAY_NS
    shift = midnight - DAY[len(DAY) // 2].time_ns
    shifted = [Record(kind, time_ns + shift, payload) for kind, time_ns, payload in DAY]

    _, frames = record(tmp_path, shifted)

    first, second = files_in(tmp_path)
    assert RecordingFile(second).header.started_ns == midnight
    assert recorded_file(first).index.ended_ns < midnight
    assert encoded(recorded_frames(tmp_path)) == encoded(frames)


def test_a_disk_that_does_not_keep_up_costs_records_but_no_time_and_the_rest_stays_true(tmp_path):
    recorder = make_recorder(tmp_path, max_waiting_bytes=60_000)
    listener = fresh_listener(recorder=recorder)
    frames = played(listener, DAY[:900])  # nobody writes yet: the queue is full long before the end
    dropped = recorder.dropped
    recorder.start()
    until(lambda: not recorder._queue)
    frames += played(listener, DAY[900:1000])
    recorder.stop(10)

    replayed = list(recorded_frames(tmp_path))
    (hole,) = [frame for frame in replayed if frame.gap is not None and frame.gap.reason == HOLE]
    after = [frame for frame in replayed if frame.sequence > hole.sequence]
    before = [frame for frame in replayed if frame.sequence < hole.sequence]
    assert 0 < dropped == recorder.dropped < 900
    assert recorder.report()["dropped"] == dropped
    assert recorder.errors() == [f"{dropped} records were dropped: the disk does not keep up"]
    assert recorder.errors() == []
    assert encoded(before) == encoded(frames[: len(before)])
    assert encoded(after) == encoded(frames[-len(after) :])
    assert min(len(before), len(after)) > 1


def test_a_full_disk_breaks_the_recording_off_and_a_new_file_begins_later(tmp_path, monkeypatch):
    failures = [OSError(28, "No space left on device")]
    write = RecordingWriter.write

    def failing(writer, records):
        if failures and len(records) > 1:
            raise failures.pop()
        write(writer, records)

    monkeypatch.setattr(RecordingWriter, "write", failing)
    recorder = make_recorder(tmp_path)
    recorder.start()
    listener = fresh_listener(recorder=recorder)
    played(listener, DAY[:400])
    until(lambda: recorder._wants_file)
    frames = played(listener, DAY[400:])
    recorder.stop(10)

    torn, whole = files_in(tmp_path)
    replayed = encoded(recorded_frames(whole))
    assert [recorded_file(torn).state, recorded_file(whole).state] == [State.TORN, State.FINISHED]
    assert replayed == encoded(frames)[-len(replayed) :]
    assert replayed
    errors = recorder.errors()
    assert errors[0] == "the recording broke off: no space left"
    assert errors[1].endswith("records were dropped while the recording was broken off: no space left")
    assert not any("keep up" in error for error in errors)
    assert recorder.dropped > 0


def test_the_oldest_finished_files_give_way(tmp_path):
    _, frames = record(tmp_path, DAY, pauses=12, rotate_bytes=4_000, max_bytes=30_000)

    files = files_in(tmp_path)
    replayed = encoded(recorded_frames(tmp_path))
    assert sum(path.stat().st_size for path in files) < 30_000 + 10_000
    assert RecordingFile(files[0]).header.number > 0
    assert replayed == encoded(frames)[-len(replayed) :]
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == [f"{path.name}.json" for path in files]


def test_a_file_being_written_is_listed_as_such(tmp_path):
    recorder = make_recorder(tmp_path)
    recorder.start()
    played(fresh_listener(recorder=recorder), DAY[:100])
    until(lambda: recorder.report()["bytes"] > 1_000)

    (path,) = files_in(tmp_path)
    listed = recorded_file(path)
    figures = recorder.report()
    recorder.stop(10)

    assert (listed.state, listed.index.sha256) == (State.RECORDING, None)
    assert listed.index.messages > 50
    assert figures["file"] == f"simulated-1/{path.name}"
