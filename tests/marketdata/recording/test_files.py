import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.framing.records import Kind, Record
from marketdata.recording.files import MAGIC, InvalidRecording, RecordingFile, is_recording_file
from tests.marketdata.recorded import make_header, write_file
from tests.marketdata.wire import NOON_NS

records = st.builds(Record, st.sampled_from(list(Kind)[:-1]), st.integers(0, 2**63), st.binary(max_size=300))
MESSAGES = [Record(Kind.MESSAGE, NOON_NS + n, b'{"channel":"heartbeat"} %d' % n) for n in range(500)]


def test_a_file_gives_back_its_header_and_its_records(tmp_path):
    path = write_file(tmp_path / "day.paddock", MESSAGES)

    found = RecordingFile(path)

    assert list(found.records()) == MESSAGES
    assert (found.header, found.is_torn) == (make_header(), False)
    assert is_recording_file(path)


@settings(max_examples=150, deadline=None)
@given(st.lists(records, max_size=12), st.integers(1, 5), st.booleans(), st.floats(0, 1))
def test_any_cut_of_a_file_yields_the_records_up_to_the_tear_and_says_so(records, flush_every, is_finished, share):
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "day.paddock", records, flush_every=flush_every, finish=is_finished)
        whole = path.read_bytes()
        size = int(share * len(whole))
        path.write_bytes(whole[:size])

        found = RecordingFile(path)
        read = list(found.records())

    assert read == records[: len(read)]
    # A file is torn unless its END is there, for which the last bytes of zstd's checksum are not needed.
    assert found.is_torn or (is_finished and read == records)
    if size == len(whole):
        assert read == records


def test_all_that_was_flushed_survives_a_writer_that_is_killed(tmp_path, caplog):
    path = write_file(tmp_path / "day.paddock", MESSAGES, finish=False)

    found = RecordingFile(path)

    assert list(found.records()) == MESSAGES
    assert found.is_torn
    assert "day.paddock is torn: it ends after 500 records" in caplog.text


def test_a_file_of_many_zstd_frames_reads_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr("marketdata.recording.files._ZSTD_FRAME_BYTES", 1_000)
    path = write_file(tmp_path / "day.paddock", MESSAGES)

    assert path.read_bytes().count(b"\x28\xb5\x2f\xfd") > 10
    assert list(RecordingFile(path).records()) == MESSAGES


def test_the_writer_knows_the_digest_of_its_file(tmp_path):
    from marketdata.recording.files import RecordingWriter

    writer = RecordingWriter(tmp_path / "day.paddock", make_header())
    writer.write(MESSAGES)
    digest = writer.finish(NOON_NS)

    data = (tmp_path / "day.paddock").read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (digest, writer.bytes)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"junk", r"day\.paddock, byte 0: b'junk'; expected a recording"),
        (b'{"channel":"heartbeat"}', r"day\.paddock, byte 0: "),
        (MAGIC + b"\0\x07\0\0\0\x02{}", r"day\.paddock, byte 8: version 7, header of 2 bytes; expected version 1"),
        (MAGIC + b"\0\x01\0\0\0\x02{}", r"day\.paddock, byte 14: .*market"),
    ],
)
def test_junk_is_refused_with_file_and_offset(tmp_path, data, complaint):
    path = tmp_path / "day.paddock"
    path.write_bytes(data)

    with pytest.raises(InvalidRecording, match=complaint):
        RecordingFile(path)


def test_a_damaged_middle_is_refused_with_file_and_offset(tmp_path):
    path = write_file(tmp_path / "day.paddock", MESSAGES, flush_every=len(MESSAGES))
    data = bytearray(path.read_bytes())
    data[-300:-250] = b"\xff" * 50
    path.write_bytes(data)

    with pytest.raises(InvalidRecording, match=r"day\.paddock, byte \d+: "):
        list(RecordingFile(path).records())


def test_a_file_that_is_not_there_is_an_invalid_recording(tmp_path):
    with pytest.raises(InvalidRecording, match="cannot be read"):
        RecordingFile(tmp_path / "none.paddock")
