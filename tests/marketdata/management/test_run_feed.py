"""The feed as a process of its own, as the launcher starts it."""

import signal

import pytest

from marketdata import bus
from marketdata.recording.reading import recorded_frames
from tests.marketdata.wire import CAPTURE_2026
from tests.processes import running, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


def state(key: str) -> object:
    return (bus.feed_state() or {}).get(key)


def test_a_recording_is_fed_to_its_end_and_sigterm_ends_the_feed_cleanly(tmp_path):
    log = tmp_path / "log"
    command = ("manage.py", "run_feed", "--source", f"recording:{CAPTURE_2026}", "--speed", "0")

    with running(*command, log=log) as process:
        wait_until(lambda: state("finished"), "the end of the recording", log)
        figures = bus.feed_state()
        process.send_signal(signal.SIGTERM)
        exit_code = process.wait(20)

    market = bus.current_market()
    assert exit_code == 0
    assert market == "recording:live-btc-eth:3d323d06"
    assert list(bus.read(market, 0)) == list(recorded_frames(CAPTURE_2026))
    assert (figures["checksums_verified"], figures["checksum_failures"], figures["trades"]) == (2962, 0, 17)
    assert bus.feed_state() is None
    assert "INFO feed stopped; all that was complete is published" in log.read_text()


def test_the_simulated_market_is_fed_until_it_is_stopped(tmp_path):
    log = tmp_path / "log"

    with running("manage.py", "run_feed", "--source", "simulated", "--seed", "4", log=log) as process:
        wait_until(lambda: (state("checksums_verified") or 0) > 40, "forty verified books", log)
        process.send_signal(signal.SIGINT)
        exit_code = process.wait(20)

    assert (exit_code, bus.current_market()) == (0, "simulated:4")
    assert all(frame.gap is None for frame in bus.read("simulated:4", 0))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--source", "binance"], "source is 'binance'; expected kraken, simulated or recording:PATH"),
        (["--source", "recording:nowhere.ndjson"], "recording nowhere.ndjson is not a file that can be read"),
        (["--source", "recording:manage.py"], "manage.py, line 1: "),
        (["--source", "simulated", "--speed", "-1"], "--speed is -1; expected zero or more"),
        (["--source", "simulated", "--faults", "drop@x"], "fault 'drop@x': time is 'x'; expected a number from 0"),
        (["--source", "kraken", "--faults", "drop@3"], "--faults goes with --source simulated alone; got 'drop@3'"),
    ],
)
def test_what_cannot_be_fed_is_said_in_one_line(tmp_path, arguments, complaint):
    log = tmp_path / "log"

    with running("manage.py", "run_feed", *arguments, log=log) as process:
        exit_code = process.wait(20)

    lines = log.read_text().splitlines()
    assert exit_code == 1
    assert len(lines) == 1
    assert complaint in lines[0]
