import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.feed.traffic import Traffic
from marketdata.telemetry.metrics import Histogram, counter, gauge, histogram


def test_a_measurement_counts_in_every_bucket_whose_bound_it_does_not_exceed():
    took = Histogram((0.1, 0.5, 1.0))

    for seconds in (0.05, 0.1, 0.4, 2.0):
        took.observe(seconds)

    assert took.buckets == [("0.1", 2), ("0.5", 3), ("1.0", 3), ("+Inf", 4)]
    assert took.total == pytest.approx(2.55)


@given(st.lists(st.floats(0, 100), max_size=50))
def test_buckets_never_fall_and_the_last_holds_all(values):
    took = Histogram()

    for value in values:
        took.observe(value)

    counts = [count for _, count in took.buckets]
    assert counts == sorted(counts)
    assert counts[-1] == len(values)


def test_metrics_have_the_names_and_labels_that_prometheus_expects():
    counted = [
        *counter("paddock_fills", "Fills.", {("a",): 2}, ["who"]).samples,
        *gauge("paddock_clients", "Clients.", 7).samples,
        *histogram("paddock_seconds", "Seconds.", Histogram((1.0,))).samples,
    ]

    assert [(sample.name, sample.labels, sample.value) for sample in counted] == [
        ("paddock_fills_total", {"who": "a"}, 2),
        ("paddock_clients", {}, 7),
        ("paddock_seconds_bucket", {"le": "1.0"}, 0),
        ("paddock_seconds_bucket", {"le": "+Inf"}, 0),
        ("paddock_seconds_count", {}, 0),
        ("paddock_seconds_sum", {}, 0),
    ]


def test_messages_are_counted_by_channel_and_what_nobody_knows_together():
    traffic = Traffic()
    messages = [
        b'{"channel":"book","type":"update","data":[]}',
        b'{"channel":"book","type":"snapshot","data":[]}',
        b'{"channel":"trade","type":"update","data":[]}',
        b'{"channel":"heartbeat"}',
        b'{"method":"pong"}',
        b"",
        b"\xff\xfe garbage",
    ]

    for message in messages:
        traffic.note(message)

    counted = {channel: count for (channel,), count in traffic.by_channel.items() if count}
    assert counted == {"book": 2, "trade": 1, "heartbeat": 1, "other": 3}
    assert traffic.bytes == sum(map(len, messages))
