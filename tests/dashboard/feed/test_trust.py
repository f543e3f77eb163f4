import pytest

from dashboard.feed.trust import trust_words
from dashboard.page.banner import Tone
from tests.rows import feed, quote

HIGH = {"newest": 3_400.0, "p50": 50.0, "p99": 3_400.0, "is_high": True, "history": []}
CALM = {**HIGH, "newest": 40.0, "is_high": False}


@pytest.mark.parametrize(
    ("state", "tone", "sentence"),
    [
        (None, Tone.BAD, "No feed running, no current data: start one"),
        (feed(connected=False), Tone.BAD, "Feed disconnected, reconnecting; prices are not updating"),
        (feed(last_frame_age_s=44.0), Tone.BAD, "Last frame is 44 s old: no market data"),
        (feed(last_frame_age_s=3.0), Tone.WARNING, "Last frame is 3 s old"),
        (feed(last_frame_age_s=None), Tone.WARNING, "Feed running, no frames received yet"),
        (feed(finished=True, last_frame_age_s=99.0), Tone.WARNING, "Recording finished: no more data"),
        (feed(system="cancel_only"), Tone.WARNING, "Exchange status: cancel only"),
        (
            feed(symbols={"BTC/USD": quote("1", "2", status="stale")}),
            Tone.BAD,
            "No verified order books: nothing is traded",
        ),
        (feed(lag_ms=HIGH), Tone.BAD, "Market data is 3.4 s behind: prices move, but late"),
        (feed(lag_ms={**HIGH, "newest": None}), Tone.BAD, "Market data is behind"),
        (feed(heartbeat_age_s=9.0), Tone.WARNING, "Last exchange heartbeat is 9 s old"),
        (
            feed(clock={"behind_s": 90.0, "corrected_s": 90.0, "is_wrong": True}),
            Tone.WARNING,
            "This machine's clock is wrong by 90.0 s: behind the exchange's. Candles are cut on corrected time",
        ),
        (feed(), Tone.GOOD, "Feed connected, all order books verified."),
        (feed(lag_ms=CALM, heartbeat_age_s=0.8), Tone.GOOD, "Feed connected, all order books verified, lag "),
    ],
)
def test_the_status_line_names_the_most_serious_problem(state, tone, sentence):
    words = trust_words(state)

    assert (words.tone, words.also) == (tone, ())
    assert words.sentence.startswith(sentence)
    assert words.sentence.endswith(".")


def test_one_lost_book_does_not_condemn_the_others():
    symbols = {"BTC/USD": quote("1", "2"), "XRP/USD": quote("1", "2", status="stale")}

    words = trust_words(feed(symbols=symbols))

    assert words.tone is Tone.WARNING
    assert words.sentence == "Order book of XRP/USD not verified; all others OK."


def test_of_many_lost_books_some_are_named():
    symbols = {f"S{number}/USD": quote("1", "2", status="stale") for number in range(9)} | {"BTC/USD": quote("1", "2")}

    assert "of S0/USD, S1/USD, S2/USD, S3/USD and 5 more not verified;" in trust_words(feed(symbols=symbols)).sentence


def test_the_worst_reason_comes_first_and_no_other_is_lost():
    words = trust_words(feed(system="post_only", lag_ms=HIGH), unrepaired_gaps=2)

    assert words.answer == "Market data down"
    assert words.sentence.startswith("Market data is 3.4 s behind")
    assert words.also == (
        "Exchange status: post only.",
        "2 data gaps in the last 15 minutes not repaired: candles may miss trades.",
    )


def test_a_gap_that_is_not_repaired_is_shown():
    words = trust_words(feed(), unrepaired_gaps=1)

    assert (words.tone, words.answer) == (Tone.WARNING, "Market data degraded")
    assert words.sentence == "1 data gap in the last 15 minutes not repaired: candles may miss trades."
