"""Two feeds of one market, with the real processes: one publishes, the other takes over when it is killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from marketdata import bus
from marketdata.feed.lock import FeedLock, LeaseWatch
from marketdata.models import FeedEvent
from portfolios.selectors import current_season
from strategies.league.files import load_league
from tests.leagues import restless_league
from tests.processes import running, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MARKET = "simulated:5"
WITHIN_S = 5.0


@pytest.fixture(autouse=True)
def league(transactional_db: None) -> Iterator[None]:
    bus.redis_client().flushall()
    load_league(restless_league(), by="test")
    yield
    bus.redis_client().flushall()


def feed(log: Path) -> object:
    return running("manage.py", "run_feed", "--source", "simulated", "--seed", "5", "--no-record", log=log)


def is_recorded(word: str) -> bool:
    return FeedEvent.objects.filter(market=MARKET, kind="standby", detail__contains=word).exists()


def slowest_cursor() -> int:
    season = current_season()
    cursors = season.accounts.values_list("standing__sequence", flat=True) if season else []
    return min((cursor or 0 for cursor in cursors), default=0)


def test_the_second_feed_takes_over_within_five_seconds_and_the_gap_is_on_record(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    with ExitStack() as stack:
        first = stack.enter_context(feed(log))
        stack.enter_context(running("manage.py", "run_worker", log=log))
        wait_until(lambda: slowest_cursor() > 0, "every deployment at work", log)
        stack.enter_context(feed(log))
        wait_until(lambda: is_recorded("stands by"), "the second feed standing by", log)

        first.kill()
        killed_s = time.monotonic()
        first.wait()
        last = bus.latest_sequence(MARKET)
        wait_until(lambda: bus.latest_sequence(MARKET) > last, "a frame of the second feed", log)
        took_over_s = time.monotonic() - killed_s

        wait_until(lambda: slowest_cursor() > last + 20, "the worker going on", log)
        frames = list(bus.read(MARKET, 0))

    assert took_over_s < WITHIN_S
    assert is_recorded("takes over")
    after = next(frame for frame in frames if frame.sequence > last)
    assert after.gap is not None
    assert after.gap.from_ns == last * 100_000_000
    assert after.is_keyframe
    assert all(later.sequence > earlier.sequence for earlier, later in pairwise(frames))
    assert all(later.sequence == earlier.sequence + 1 or later.gap is not None for earlier, later in pairwise(frames))
    assert FeedEvent.objects.filter(market=MARKET, kind="gap", detail__contains="the feed was not running").exists()


def test_the_second_feed_takes_over_from_a_frozen_one_which_publishes_nothing_when_it_wakes(tmp_path: Path) -> None:
    log, frozen_log = tmp_path / "log", tmp_path / "frozen"
    log.touch()
    frozen_log.touch()
    with ExitStack() as stack:
        first = stack.enter_context(feed(frozen_log))
        wait_until(lambda: bus.latest_sequence(MARKET) > 0, "a frame of the first feed", frozen_log)
        stack.enter_context(feed(log))
        wait_until(lambda: is_recorded("stands by"), "the second feed standing by", log)

        first.send_signal(signal.SIGSTOP)
        try:
            last = bus.latest_sequence(MARKET)
            wait_until(lambda: bus.latest_sequence(MARKET) > last + 1, "a frame of the second feed", log)
            token = bus.lease_beat(MARKET)
        finally:
            first.send_signal(signal.SIGCONT)
        wait_until(lambda: "this one stands by" in frozen_log.read_text(), "the first feed standing by", frozen_log)
        woken = bus.latest_sequence(MARKET)
        wait_until(lambda: bus.latest_sequence(MARKET) > woken + 20, "the second feed going on", log)
        frames = list(bus.read(MARKET, 0))
        holder = bus.lease_beat(MARKET)

    assert is_recorded("it stands still")
    assert is_recorded("takes over")
    gaps = [frame.gap for frame in frames if frame.sequence > last and frame.gap is not None]
    assert gaps[0] is not None
    assert gaps[0].from_ns <= (last + 1) * 100_000_000
    assert token is not None and holder is not None
    assert holder[0] == token[0]
    assert all(later.sequence == earlier.sequence + 1 or later.gap is not None for earlier, later in pairwise(frames))


def test_a_lease_is_frozen_only_when_its_watcher_was_awake_and_saw_no_sign_of_life() -> None:
    def verdicts(*looks: tuple[float, int | None]) -> list[bool]:
        watch = LeaseWatch()
        return [watch.is_frozen(None if beat is None else (1, beat), at_s) for at_s, beat in looks]

    silent = [(0.5 * n, 7) for n in range(8)]
    living = [(0.5 * n, n) for n in range(20)]
    redis_away = [(0.5 * n, None if n == 4 else 7) for n in range(9)]
    overslept = [(0.5 * n + (60 if n > 3 else 0), 7) for n in range(8)]

    assert verdicts(*silent) == [False] * 5 + [True] * 3
    assert not any(verdicts(*living))
    assert not any(verdicts(*redis_away))
    assert not any(verdicts(*overslept))


def test_a_market_has_one_lock_and_markets_do_not_share_it() -> None:
    mine, other, elsewhere = FeedLock(MARKET), FeedLock(MARKET), FeedLock("kraken")

    taken = [mine.try_to_take(), other.try_to_take(), elsewhere.try_to_take()]
    mine.release()
    freed = other.try_to_take()

    assert (taken, freed) == ([True, False, True], True)
    assert not other.is_lost()
    other.release()
    elsewhere.release()


def test_a_feed_that_lost_its_connection_sees_that_another_has_taken_over() -> None:
    mine, other = FeedLock(MARKET), FeedLock(MARKET)
    mine.try_to_take()
    mine._connection.connection.close()  # as when the database was restarted

    wait_until(other.try_to_take, "the lock that the database has freed")

    assert mine.is_lost()
    other.release()
    assert not mine.is_lost()
    mine.release()
