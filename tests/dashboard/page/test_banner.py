import pytest

from dashboard.page.banner import Tone, market_words
from portfolios.models import Season
from tests.rows import MARKET, feed


def season(market=MARKET):
    return Season(number=1, name="Test", market=market)


@pytest.mark.parametrize(
    ("market", "title", "word"),
    [
        ("kraken", "Kraken live", ""),
        ("simulated:7", "SIMULATED MARKET", "seed 7"),
        ("recording:july:ab12", "RECORDING", "july"),
    ],
)
def test_a_market_that_is_not_real_is_named_loudly(market, title, word):
    words = market_words(season(market), feed(market=market))

    assert words.title == title
    assert word in words.note
    assert words.is_real == (market == "kraken")


@pytest.mark.parametrize(
    ("state", "tone", "word"),
    [
        (None, Tone.BAD, "no feed"),
        (feed(market="kraken"), Tone.BAD, "other market"),
        (feed(last_frame_age_s=12.0), Tone.BAD, "stale"),
        (feed(connected=False), Tone.BAD, "disconnected"),
        (feed(last_frame_age_s=3.0), Tone.WARNING, "late"),
        (feed(last_frame_age_s=None), Tone.WARNING, "waiting"),
        (feed(finished=True, last_frame_age_s=99.0), Tone.WARNING, "finished"),
        (feed(system="maintenance"), Tone.WARNING, "maintenance"),
        (feed(), Tone.GOOD, "live"),
    ],
)
def test_the_state_of_the_feed_has_a_word_and_a_tone(state, tone, word):
    words = market_words(season(), state)

    assert (words.tone, words.state) == (tone, word)
    assert words.detail.endswith(".")


def test_without_season_and_feed_the_banner_says_so():
    words = market_words(None, None)

    assert (words.title, words.kind) == ("No market", "none")
