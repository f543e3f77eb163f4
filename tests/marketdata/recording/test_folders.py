import pytest

from marketdata.framing.records import Kind, Record
from marketdata.recording.files import InvalidRecording
from marketdata.recording.folders import (
    State,
    files_in,
    folder_of,
    index_path,
    opened,
    played_records,
    read_index,
    recorded_file,
    remove_oldest,
    verify,
)
from tests.marketdata.recorded import write_file
from tests.marketdata.wire import NOON_NS

MEMORY = Record(Kind.MEMORY, NOON_NS, b"memory")
MESSAGES = [Record(Kind.MESSAGE, NOON_NS + n, b"%d" % n) for n in range(40)]


@pytest.mark.parametrize(
    ("market", "folder"),
    [("kraken", "kraken"), ("simulated:1", "simulated-1"), ("../../etc", "-..-etc-"), ("", "market-"), ("a b", "a-b-")],
)
def test_a_market_s_folder_is_safe(tmp_path, market, folder):
    found = folder_of(tmp_path, market)

    assert found.parent == tmp_path
    assert found.name.startswith(folder.rstrip("."))


def test_no_two_markets_share_a_folder(tmp_path):
    markets = ["a:b", "a b", "a/b", "a?b", "kraken"]

    assert len({folder_of(tmp_path, market) for market in markets}) == len(markets)


def test_a_torn_file_is_read_once_and_then_listed_from_its_index(tmp_path):
    path = write_file(tmp_path / "a.paddock", [MEMORY, *MESSAGES], finish=False)

    first = recorded_file(path)

    assert (first.state, first.index.messages, first.index.ended_ns) == (State.TORN, 40, MESSAGES[-1].time_ns)
    assert read_index(path) == first.index
    assert recorded_file(path) == first
    assert verify(first) is None


def test_a_file_that_was_changed_is_found_by_verifying(tmp_path):
    path = write_file(tmp_path / "a.paddock", [MEMORY, *MESSAGES])
    listed = recorded_file(path)
    data = bytearray(path.read_bytes())
    data[-12] ^= 0xFF
    path.write_bytes(data)

    damage = verify(recorded_file(path))

    assert listed.state is State.FINISHED
    assert "a.paddock" in damage


@pytest.mark.parametrize("text", ["", "junk", "[]", '{"started_ns":"x"}'])
def test_an_index_that_is_none_is_made_anew(tmp_path, text):
    path = write_file(tmp_path / "a.paddock", [MEMORY, *MESSAGES])
    index_path(path).write_text(text)

    assert recorded_file(path).index.messages == 40


def test_a_file_torn_within_its_header_holds_nothing(tmp_path):
    path = tmp_path / "a.paddock"
    path.write_bytes(write_file(tmp_path / "b.paddock", []).read_bytes()[:20])

    with pytest.raises(InvalidRecording, match=r"a\.paddock is torn within its header"):
        recorded_file(path)
    assert [found.path.name for found in opened(tmp_path)] == ["b.paddock"]


def test_files_that_follow_on_are_one_conversation(tmp_path):
    write_file(tmp_path / "0.paddock", [MEMORY, *MESSAGES[:10]])
    write_file(tmp_path / "1.paddock", [MEMORY, *MESSAGES[10:20]], number=1, first_record=10)

    assert list(played_records(tmp_path)) == [MEMORY, *MESSAGES[:20]]


@pytest.mark.parametrize("header", [{"first_record": 11}, {"first_record": 10, "run": NOON_NS + 1}])
def test_after_a_hole_or_another_feed_s_file_the_memory_is_sent_again(tmp_path, header):
    write_file(tmp_path / "0.paddock", [MEMORY, *MESSAGES[:10]])
    write_file(tmp_path / "1.paddock", [MEMORY, *MESSAGES[10:20]], number=1, **header)

    assert list(played_records(tmp_path)) == [MEMORY, *MESSAGES[:10], MEMORY, *MESSAGES[10:20]]


def test_several_markets_are_not_one_recording(tmp_path):
    write_file(tmp_path / "a" / "0.paddock", MESSAGES)
    write_file(tmp_path / "b" / "1.paddock", MESSAGES, market="kraken")

    with pytest.raises(InvalidRecording, match="holds recordings of kraken, simulated:1; expected one market"):
        list(played_records(tmp_path))


def test_an_empty_folder_is_no_recording(tmp_path):
    with pytest.raises(InvalidRecording, match=r"holds no recording: expected files named \*\.paddock"):
        opened(tmp_path)


def test_the_oldest_are_removed_first_whatever_their_market(tmp_path):
    for name in ("a/3.paddock", "b/1.paddock", "a/2.paddock"):
        recorded_file(write_file(tmp_path / name, MESSAGES))
    size = (tmp_path / "a/3.paddock").stat().st_size

    removed = remove_oldest(tmp_path, size + 10)

    assert [path.name for path in removed] == ["1.paddock", "2.paddock"]
    assert [path.name for path in files_in(tmp_path)] == ["3.paddock"]
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["3.paddock.json"]
