import pytest

from dashboard.feed.trust import trust_words
from dashboard.page.banner import Tone
from tests.rows import feed, quote

HIGH = {"newest": 3_400.0, "p50": 50.0, "p99": 3_400.0, "is_high": True, "history": []}
CALM = {**HIGH, "newest": 40.0, "is_high": False}


@pytest.mark.parametrize(
    ("state", "tone", "sentence"),
    [
        (None, Tone.BAD, "No feed is running, so nothing here is current: start one"),
        (feed(connected=False), Tone.BAD, "The feed has lost the exchange and is connecting again"),
        (feed(last_frame_age_s=44.0), Tone.BAD, "The last frame is 44 s old: nobody hears the market"),
        (feed(last_frame_age_s=3.0), Tone.WARNING, "The last frame is 3 s old"),
        (feed(last_frame_age_s=None), Tone.WARNING, "The feed runs, but no frame has come yet"),
        (feed(finished=True, last_frame_age_s=99.0), Tone.WARNING, "The recording is at its end"),
        (feed(system="cancel_only"), Tone.WARNING, "The exchange says it is cancel only"),
        (feed(symbols={"BTC/USD": quote("1", "2", status="stale")}), Tone.BAD, "No order book is verified"),
        (feed(lag_ms=HIGH), Tone.BAD, "What is heard comes 3.4 s late: prices are old although they move"),
        (feed(lag_ms={**HIGH, "newest": None}), Tone.BAD, "What is heard comes late"),
        (feed(heartbeat_age_s=9.0), Tone.WARNING, "The exchange's last heartbeat is 9 s old"),
        (feed(), Tone.GOOD, "The feed is connected, every book is verified."),
        (feed(lag_ms=CALM, heartbeat_age_s=0.8), Tone.GOOD, "The feed is connected, every book is verified, and"),
    ],
)
def test_the_sentence_on_top_says_whether_to_trust_and_why_not(state, tone, sentence):
    words = trust_words(state)

    assert (words.tone, words.also) == (tone, ())
    assert words.sentence.startswith(sentence)
    assert words.sentence.endswith(".")


def test_one_lost_book_does_not_condemn_the_others():
    symbols = {"BTC/USD": quote("1", "2"), "XRP/USD": quote("1", "2", status="stale")}

    words = trust_words(feed(symbols=symbols))

    assert words.tone is Tone.WARNING
    assert words.sentence == "No verified order book of XRP/USD; the others can be trusted."


def test_of_many_lost_books_some_are_named():
    symbols = {f"S{number}/USD": quote("1", "2", status="stale") for number in range(9)} | {"BTC/USD": quote("1", "2")}

    assert "of S0/USD, S1/USD, S2/USD, S3/USD and 5 more;" in trust_words(feed(symbols=symbols)).sentence


def test_the_worst_reason_comes_first_and_no_other_is_lost():
    words = trust_words(feed(system="post_only", lag_ms=HIGH), unrepaired_gaps=2)

    assert words.answer == "Do not trust it"
    assert words.sentence.startswith("What is heard comes 3.4 s late")
    assert words.also == (
        "The exchange says it is post only.",
        "2 gaps of the last 15 minutes are not repaired: candles may lack trades.",
    )


def test_a_gap_that_nobody_repaired_is_told():
    words = trust_words(feed(), unrepaired_gaps=1)

    assert (words.tone, words.answer) == (Tone.WARNING, "Trust it with care")
    assert words.sentence == "A gap of the last 15 minutes is not repaired: candles may lack trades."
