import pytest

from marketdata import bus
from trading.book import BookTop, Level
from trading.frames import Frame


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


def make_frames(*sequences: int) -> list[Frame]:
    return [Frame(sequence=sequence, time_ns=sequence * 100_000_000) for sequence in sequences]


def test_a_follower_gets_what_was_published_in_order():
    book = BookTop((Level(1, 2),), (Level(3, 4),))
    frame = Frame(sequence=8, time_ns=800_000_000, books={"XRP/USD": book}, is_keyframe=True)

    published = bus.publish("kraken", [*make_frames(7), frame])

    assert published == 2
    assert bus.follow("kraken", 0, 0) == [*make_frames(7), frame]
    assert bus.follow("kraken", 7, 0) == [frame]


def test_the_bus_refuses_a_sequence_that_it_has_had():
    bus.publish("kraken", make_frames(7, 8))

    again = bus.publish("kraken", make_frames(6, 7, 8, 9))

    assert again == 1
    assert [frame.sequence for frame in bus.read("kraken", 0)] == [7, 8, 9]


def test_markets_never_mix():
    bus.publish("kraken", make_frames(7))
    bus.publish("simulated:1", make_frames(3))

    assert (bus.latest_sequence("kraken"), bus.latest_sequence("simulated:1")) == (7, 3)
    assert bus.follow("simulated:2", 0, 0) == []


def test_a_market_without_frames_has_no_first_and_no_last():
    assert (bus.earliest_sequence("kraken"), bus.latest_sequence("kraken")) == (0, 0)


def test_a_live_stream_keeps_fifteen_minutes():
    bus.publish("kraken", make_frames(1, 2, 3))

    for start in range(10_000, 21_000, 1_000):
        bus.publish("kraken", make_frames(*range(start, start + 1_000)))

    kept = bus.latest_sequence("kraken") - bus.earliest_sequence("kraken")
    assert bus.KEPT_FRAMES <= kept < bus.KEPT_FRAMES + 500


def test_a_recording_keeps_all_its_frames():
    bus.publish("recording:day:1234abcd", make_frames(*range(1, 12_001)))

    assert bus.earliest_sequence("recording:day:1234abcd") == 1
    assert len(list(bus.read("recording:day:1234abcd", 0))) == 12_000


def test_following_takes_no_more_than_asked():
    bus.publish("kraken", make_frames(*range(1, 11)))

    assert [frame.sequence for frame in bus.follow("kraken", 2, 0, 3)] == [3, 4, 5]


def test_following_waits_for_what_is_not_there_yet():
    assert bus.follow("kraken", 0, block_ms=20) == []


def test_the_market_that_is_published_is_known_after_the_feed_has_gone():
    before = bus.current_market()

    bus.announce_market("simulated:1")

    assert (before, bus.current_market()) == (None, "simulated:1")


def test_the_state_says_how_old_the_last_frame_is():
    bus.write_feed_state({"source": "kraken", "last_published_at_s": 1.0})

    state = bus.feed_state()

    assert state is not None
    assert state["source"] == "kraken"
    assert state["last_frame_age_s"] > 1_000_000
    assert "last_published_at_s" not in state


def test_no_feed_has_no_state():
    bus.write_feed_state({"source": "kraken", "last_published_at_s": None})

    bus.clear_feed_state()

    assert bus.feed_state() is None


def test_the_state_of_a_feed_that_died_does_not_last():
    bus.write_feed_state({"source": "kraken", "last_published_at_s": None})

    assert 0 < bus.redis_client().ttl("paddock:feed:state") <= bus.FEED_STATE_TTL_S


def test_only_the_newest_lease_publishes_and_is_renewed():
    old = bus.take_lease("kraken")
    bus.publish("kraken", make_frames(1), token=old)
    new = bus.take_lease("kraken")

    with pytest.raises(bus.LeaseLost):
        bus.publish("kraken", make_frames(2), token=old)
    published = bus.publish("kraken", make_frames(1, 2), token=new)

    assert published == 1
    assert (bus.renew_lease("kraken", old), bus.renew_lease("kraken", new)) == (False, True)
    assert [frame.sequence for frame in bus.read("kraken", 0)] == [1, 2]


def test_after_redis_lost_a_lease_the_newest_token_still_counts():
    old, new = bus.take_lease("kraken"), bus.take_lease("kraken")
    bus.redis_client().flushdb()

    renewed = bus.renew_lease("kraken", new)

    assert renewed
    assert not bus.renew_lease("kraken", old)
    assert bus.take_lease("kraken") > new


def test_every_renewal_is_a_sign_of_life():
    assert bus.lease_beat("kraken") is None
    token = bus.take_lease("kraken")
    before = bus.lease_beat("kraken")

    bus.renew_lease("kraken", token)
    bus.publish("kraken", make_frames(1), token=token)

    assert (before, bus.lease_beat("kraken")) == ((token, 0), (token, 2))
