"""What the feed process records, as the command lists it."""

import json
import signal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketdata import bus
from marketdata.framing.records import Kind, Record
from marketdata.recording.folders import files_in
from marketdata.recording.reading import recorded_frames
from tests.marketdata.recorded import captured_day, fresh_listener, write_file
from tests.processes import running, wait_until
from trading.frames import encode_frame

DAY = captured_day()


@pytest.fixture
def data_dir(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def _empty_redis(transactional_db):
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


def listed(*arguments: str) -> list[dict]:
    out = StringIO()
    call_command("recordings", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def make_recording(path: Path, **options) -> Path:
    memory = Record(Kind.MEMORY, DAY[0].time_ns, fresh_listener().memory())
    return write_file(path, [memory, *DAY], **options)


def state(key: str) -> object:
    return (bus.feed_state() or {}).get(key)


def recorded_messages() -> int:
    recording = state("recording")
    return recording["messages"] if isinstance(recording, dict) else 0


@pytest.mark.usefixtures("_empty_redis")
def test_a_feed_that_is_killed_loses_at_most_its_last_second(tmp_path, data_dir):
    log = tmp_path / "log"

    with running("manage.py", "run_feed", "--source", "simulated", log=log) as process:
        wait_until(lambda: recorded_messages() > 60, "sixty recorded messages", log)
        while_recording = listed(str(data_dir / "recordings"))
        process.send_signal(signal.SIGKILL)
        process.wait(20)

    (row,) = listed(str(data_dir / "recordings"), "--verify")
    frames = list(bus.read("simulated:1", 0))
    replayed = list(recorded_frames(data_dir / "recordings"))
    assert [r["state"] for r in while_recording] == ["recording"]
    assert (row["state"], row["market"], row["verified"]) == ("torn", "simulated:1", True)
    assert row["messages"] > 60
    common = min(len(frames), len(replayed))
    assert [encode_frame(f) for f in frames[:common]] == [encode_frame(f) for f in replayed[:common]]
    assert len(frames) - len(replayed) <= 10


@pytest.mark.usefixtures("_empty_redis")
@pytest.mark.parametrize(("arguments", "variable"), [(["--no-record"], "1"), ([], "0")])
def test_a_feed_can_be_given_to_record_nothing(tmp_path, data_dir, monkeypatch, arguments, variable):
    log = tmp_path / "log"
    monkeypatch.setenv("PADDOCK_RECORD", variable)

    with running("manage.py", "run_feed", "--source", "simulated", *arguments, log=log):
        wait_until(lambda: (state("checksums_verified") or 0) > 20, "twenty verified books", log)
        figures = bus.feed_state()

    assert figures["recording"] is None
    assert files_in(data_dir) == []


def test_a_recording_is_listed_with_what_it_holds(tmp_path):
    path = make_recording(tmp_path / "simulated-1" / "a.paddock")

    (row,) = listed(str(tmp_path), "--verify")

    messages = [r for r in DAY if r.kind is Kind.MESSAGE]
    assert (row["file"], row["market"], row["state"]) == ("simulated-1/a.paddock", "simulated:1", "finished")
    assert (row["messages"], row["bytes"], row["verified"]) == (len(messages), path.stat().st_size, True)
    assert (row["start"], row["end"]) == ("2026-07-07T12:00:00+00:00", "2026-07-07T23:00:15.738637+00:00")
    assert row["duration_s"] == 39_615.739


def test_the_table_says_what_is_torn(tmp_path):
    make_recording(tmp_path / "a.paddock", finish=False)
    out = StringIO()

    call_command("recordings", str(tmp_path), stdout=out)

    assert "simulated:1" in out.getvalue()
    assert "torn" in out.getvalue()


def test_a_damaged_file_is_named_and_the_others_are_listed(tmp_path):
    make_recording(tmp_path / "a.paddock")
    (tmp_path / "b.paddock").write_bytes(b"junk")
    out = StringIO()

    with pytest.raises(CommandError, match=r"b\.paddock, byte 0: "):
        call_command("recordings", str(tmp_path), "--json", stdout=out)

    assert [row["file"] for row in json.loads(out.getvalue())] == ["a.paddock"]


def test_verifying_finds_a_byte_that_was_changed(tmp_path):
    path = make_recording(tmp_path / "a.paddock")
    assert listed(str(tmp_path), "--verify")[0]["verified"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(CommandError, match=r"a\.paddock"):
        listed(str(tmp_path), "--verify")


def test_where_nothing_is_there_it_is_said(tmp_path):
    out = StringIO()

    call_command("recordings", str(tmp_path), stdout=out)

    assert out.getvalue() == "nothing is recorded yet\n"
    with pytest.raises(CommandError, match="no such file or folder"):
        call_command("recordings", str(tmp_path / "none"))
