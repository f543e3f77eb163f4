import gzip
import json
from hashlib import sha256

import pytest

from marketdata.recording.files import InvalidRecording
from marketdata.recording.reading import read_recording, recorded_frames
from tests.marketdata.wire import CAPTURE_2023, CAPTURE_2026, capture_lines
from trading.frames import encode_frame

BOOK = (
    b'{"channel":"book","type":"snapshot","data":[{"symbol":"XRP/USD","bids":[],"asks":[],"checksum":0,'
    b'"timestamp":"2026-07-07T23:00:01.5Z"}]}'
)


def test_messages_come_verbatim_and_times_never_run_back():
    messages = list(read_recording(CAPTURE_2026))

    times = [time_ns for time_ns, _ in messages]
    assert [message for _, message in messages] == capture_lines()
    assert times == sorted(times)


def test_what_comes_before_the_first_time_gets_it(tmp_path):
    path = tmp_path / "day.ndjson"
    path.write_bytes(b'{"channel":"heartbeat"}\n' + BOOK + b'\n{"channel":"heartbeat"}\n')

    times = {time_ns for time_ns, _ in read_recording(path)}

    assert times == {1783465201500000000}


def test_a_compressed_recording_reads_the_same(tmp_path):
    path = tmp_path / "day.ndjson.gz"
    path.write_bytes(gzip.compress(CAPTURE_2026.read_bytes()))

    assert list(read_recording(path)) == list(read_recording(CAPTURE_2026))


@pytest.mark.parametrize("junk", [b"junk", b"\xff", b"[1]", b'{"channel":"book","data":7}', b'{"channel":"book"'])
def test_junk_is_named_by_its_line(tmp_path, junk):
    path = tmp_path / "day.ndjson"
    path.write_bytes(BOOK + b"\n\n" + junk + b"\n")

    with pytest.raises(InvalidRecording, match=r"day\.ndjson, line 3: "):
        list(read_recording(path))


def test_a_recording_cut_short_is_named_by_its_last_line(tmp_path):
    path = tmp_path / "day.ndjson.gz"
    path.write_bytes(gzip.compress(CAPTURE_2026.read_bytes())[:20_000])

    with pytest.raises(InvalidRecording, match=r"cannot be read after line \d+"):
        list(read_recording(path))


def test_a_file_without_any_time_is_no_recording(tmp_path):
    path = tmp_path / "day.ndjson"
    path.write_bytes(b'{"channel":"heartbeat"}\n')

    with pytest.raises(InvalidRecording, match="no message has a time"):
        list(read_recording(path))


def test_a_missing_file_is_an_invalid_recording(tmp_path):
    with pytest.raises(InvalidRecording, match="cannot be read"):
        list(read_recording(tmp_path / "none.ndjson"))


def test_a_candle_s_end_is_not_taken_for_the_present(tmp_path):
    path = tmp_path / "day.ndjson"
    candle = {"channel": "ohlc", "type": "update", "data": [{"symbol": "XRP/USD", "timestamp": "2099-01-01T00:00:00Z"}]}
    path.write_bytes(BOOK + b"\n" + json.dumps(candle).encode() + b"\n")

    assert {time_ns for time_ns, _ in read_recording(path)} == {1783465201500000000}


def test_the_frames_of_the_recorded_day_are_always_the_same():
    frames = list(recorded_frames(CAPTURE_2026))

    encoded = b"".join(encode_frame(frame) for frame in frames)
    again = b"".join(encode_frame(frame) for frame in recorded_frames(CAPTURE_2026))
    assert sha256(encoded).digest() == sha256(again).digest()
    assert [frame.sequence - frames[0].sequence for frame in frames] == list(range(222))
    assert sum(len(frame.trades) for frame in frames) == 17
    assert frames[0].system == "online"
    assert {i.symbol: i.qty_min_lots for i in frames[0].instruments} == {"BTC/USD": 5_000, "ETH/USD": 100_000}
    assert all(top.bids[0].ticks < top.asks[0].ticks for frame in frames for top in frame.books.values())


def test_rules_that_nobody_states_are_inferred_from_the_digits(caplog):
    frames = list(recorded_frames(CAPTURE_2023))

    (instrument,) = frames[0].instruments
    assert (instrument.symbol, instrument.price_decimals, instrument.qty_decimals) == ("BTC/USD", 1, 8)
    assert instrument.qty_min_lots == 0
    assert "stale" not in {status for frame in frames for status in frame.statuses.values()}
    assert "inferred 1 price and 8 quantity decimals" in caplog.text
