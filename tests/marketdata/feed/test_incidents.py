"""One feed event a cause."""

from marketdata.feed.incidents import PAIRS_NAMED, PER_SECOND, Incidents
from marketdata.feed_events import FeedEventKind
from trading.frames import NS_PER_S

T0 = 1_783_425_600 * NS_PER_S
FULL = "the recording broke off: no space left"


def noted(incidents: Incidents, *seconds: float, kind=FeedEventKind.RECORDING, symbol="", detail=FULL):
    for second in seconds:
        incidents.note(T0 + int(second * NS_PER_S), kind, symbol, detail)
    return [(i.detail, i.count) for i in incidents.hand_over()]


def test_what_happens_81_times_for_one_cause_is_one_event_with_its_count_and_its_last_time():
    incidents = Incidents()

    for number in range(81):
        incidents.note(T0 + number * 10 * NS_PER_S, FeedEventKind.RECORDING, "", f"{number} records were dropped: slow")

    (event,) = incidents.hand_over()
    assert (event.time_ns, event.detail, event.count) == (T0, "0 records were dropped: slow", 81)
    assert event.until_ns == T0 + 800 * NS_PER_S


def test_an_event_is_handed_over_at_once_and_again_whenever_it_has_recurred():
    incidents = Incidents()

    assert noted(incidents, 0) == [(FULL, 1)]
    assert noted(incidents) == []
    assert noted(incidents, 10, 20) == [(FULL, 3)]


def test_after_a_minute_of_quiet_it_is_another_event():
    incidents = Incidents()

    assert noted(incidents, 0, 60) == [(FULL, 2)]
    assert noted(incidents, 121) == [(FULL, 1)]


def test_a_cause_that_lasts_begins_a_new_event_every_hour():
    incidents = Incidents()

    found = noted(incidents, *range(0, 7_260, 30))

    assert [count for _, count in found] == [121, 121]


def test_a_connection_that_comes_and_goes_has_three_events_of_its_own_and_is_counted_from_then_on():
    incidents = Incidents()

    found = noted(incidents, *range(0, 400, 5), kind=FeedEventKind.CONNECT, detail="connected to kraken")

    assert [count for _, count in found] == [1, 1, 78]


def test_other_pairs_and_other_words_are_other_causes():
    incidents = Incidents()

    found = (
        noted(incidents, 0, symbol="ETH/USD") + noted(incidents, 0, symbol="BTC/USD") + noted(incidents, 0, detail="?")
    )

    assert [count for _, count in found] == [1, 1, 1]


def test_what_81_pairs_have_at_once_is_a_few_events_of_their_own_and_one_that_counts_the_others():
    incidents = Incidents()

    for number in range(81):
        incidents.note(T0, FeedEventKind.STATUS, f"P{number}/USD", "the instrument is cancel_only; it was online")

    found = incidents.hand_over()
    assert len(found) == PAIRS_NAMED + 1
    (others,) = [event for event in found if event.symbol == ""]
    assert (others.count, others.detail) == (
        81 - PAIRS_NAMED,
        "other pairs, too: the instrument is cancel_only; it was online",
    )


def test_each_gap_is_a_fact_of_its_own():
    incidents = Incidents()

    found = noted(incidents, *[0] * 9, kind=FeedEventKind.GAP, detail="3 trades were missed: ids 5 to 7")

    assert [count for _, count in found] == [1] * 9


def test_a_flood_of_different_events_is_cut_and_counted():
    incidents = Incidents()

    for number in range(1_000):
        incidents.note(T0, FeedEventKind.REFUSED, "", "x" * (number + 1))

    assert (len(incidents.hand_over()), incidents.left_out) == (PER_SECOND, 1_000 - PER_SECOND)


def test_a_clock_that_goes_back_begins_a_new_event():
    incidents = Incidents()

    assert noted(incidents, 10, 5) == [(FULL, 1), (FULL, 1)]
