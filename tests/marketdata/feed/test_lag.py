from marketdata.feed.lag import MAX_SAMPLES, WINDOW_S, LagWindow
from trading.frames import NS_PER_MS, NS_PER_S

T0 = 1_783_425_600 * NS_PER_S


def measured(*lags_ms: int, every_s: float = 1.0) -> tuple[LagWindow, list[str], int]:
    """Return a window that was shown these, what it said, and the time of the last."""
    window, said, now_ns = LagWindow(), [], T0
    for at, lag_ms in enumerate(lags_ms):
        now_ns = T0 + int(at * every_s * NS_PER_S)
        sentence = window.measure(lag_ms * NS_PER_MS, now_ns)
        said += [sentence] if sentence else []
    return window, said, now_ns


def test_nothing_is_known_before_the_first_measurement():
    report = LagWindow().report(T0)

    assert (report["newest"], report["p50"], report["p99"]) == (None, None, None)
    assert set(report["history"]) == {None}


def test_percentiles_are_values_that_were_measured():
    window, _, now_ns = measured(*range(1, 101))

    report = window.report(now_ns)

    assert (report["newest"], report["p50"], report["p99"]) == (100.0, 50.0, 99.0)


def test_what_is_older_than_the_window_counts_no_more():
    window, _, now_ns = measured(1_900, 40)

    report = window.report(now_ns + WINDOW_S * NS_PER_S)

    assert report["p99"] == 40.0


def test_a_measurement_of_long_ago_is_not_the_newest_lag():
    window, _, now_ns = measured(40)

    report = window.report(now_ns + 30 * NS_PER_S)

    assert (report["newest"], report["p50"]) == (None, 40.0)


def test_the_window_is_bounded_however_often_it_is_measured():
    window, _, _ = measured(*[10] * 5_000, every_s=0.01)

    assert len(window._samples) == MAX_SAMPLES


def test_lag_that_swings_around_the_limit_does_not_say_so_every_second():
    window, said, _ = measured(*[2_500, 900] * 300)

    assert len(said) == 1
    assert window.is_high


def test_lag_is_over_only_after_ten_calm_seconds():
    _, still_high, _ = measured(2_500, *[900] * 10)
    _, over, _ = measured(2_500, *[900] * 11)

    assert (len(still_high), len(over)) == (1, 2)


def test_two_seconds_are_not_too_much():
    assert measured(2_000)[1] == []


def test_the_history_has_the_worst_of_each_ten_seconds_oldest_first():
    window, _, now_ns = measured(*[10] * 10, *[20, 700, *[20] * 8])

    assert window.report(now_ns)["history"][-3:] == [None, 10.0, 700.0]


def test_a_clock_that_steps_back_breaks_nothing():
    window, _, now_ns = measured(10, 20)

    assert window.report(now_ns - 60 * NS_PER_S)["history"][-1] == 20.0
