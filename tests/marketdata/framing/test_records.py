import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.framing.records import (
    MAX_PAYLOAD_BYTES,
    RECORD_HEAD,
    InvalidRecord,
    Kind,
    Record,
    decode_record,
    encode_record,
)

records = st.builds(Record, st.sampled_from(Kind), st.integers(0, 2**64 - 1), st.binary(max_size=200))


@given(st.lists(records, max_size=10))
def test_records_come_back_as_they_were_written(written):
    data = b"".join(map(encode_record, written))

    read, at = [], 0
    while (found := decode_record(data, at)) is not None:
        record, at = found
        read.append(record)

    assert (read, at) == (written, len(data))


@given(records, st.data())
def test_a_record_that_is_cut_is_not_there_yet(record, data):
    encoded = encode_record(record)

    cut = encoded[: data.draw(st.integers(0, len(encoded) - 1))]

    assert decode_record(cut) is None


@pytest.mark.parametrize(("kind", "length"), [(0, 1), (200, 1), (3, MAX_PAYLOAD_BYTES + 1)])
def test_what_no_feed_writes_is_refused(kind, length):
    with pytest.raises(InvalidRecord, match=f"a record of kind {kind} and {length} bytes; expected a kind from 1 to 9"):
        decode_record(RECORD_HEAD.pack(kind, 0, length))
