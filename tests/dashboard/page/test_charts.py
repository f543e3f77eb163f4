from datetime import UTC, datetime, timedelta

from dashboard.page.charts import BAR_WIDTH, LINE_HEIGHT, LINE_WIDTH, drawn_bars, drawn_recordings, sparkline
from marketdata.history.coverage import Coverage
from marketdata.history.coverage_bars import CoverageBar, CoverageChart, Presence, Stretch

NOON = datetime(2026, 7, 7, 12, tzinfo=UTC)


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def make_chart(*stretches: Stretch) -> CoverageChart:
    series = Coverage("kraken", "BTC/USD", "1h", hours(0), hours(99), 90, 1, [])
    return CoverageChart("1h", hours(0), hours(100), [CoverageBar(series, list(stretches))])


def test_a_line_is_broken_where_nothing_was_measured():
    line = sparkline([10, 20, None, 30, 40], least_top=100, limit=2_000)

    assert len(line.lines) == 2
    assert line.lines[0].startswith("0.0,")
    assert line.lines[1].split()[-1].startswith(f"{LINE_WIDTH}.0,")


def test_a_lone_measurement_is_a_dot():
    line = sparkline([None, 50, None], least_top=100, limit=2_000)

    assert (line.lines, [x for x, _ in line.dots]) == ([], [300.0])


def test_the_limit_is_drawn_only_where_it_is_in_the_picture():
    assert sparkline([10, 20], least_top=100, limit=2_000).limit_y is None
    assert 0 < sparkline([10, 3_000], least_top=100, limit=2_000).limit_y < LINE_HEIGHT


def test_a_bar_lies_where_its_candles_are():
    chart = make_chart(
        Stretch(hours(0), hours(50), Presence.FULL, 50, 50), Stretch(hours(50), hours(60), Presence.GAP, 0, 10)
    )

    (drawn,) = drawn_bars(chart)

    assert [(span.x, span.width, span.kind) for span in drawn.spans] == [(0, 500, "full"), (500, 100, "gap")]
    assert drawn.spans[1].words == "missing: 2026-07-09 14:00 to 2026-07-10 00:00, 0 of 10 candles"
    assert drawn.words.startswith("BTC/USD 1h: 90 candles from 2026-07-07 12:00 to ")
    assert drawn.words.endswith("10 missing in 1 gaps")


def test_what_is_short_is_seen_and_stays_within_the_bar():
    moment = timedelta(seconds=1)

    (drawn,) = drawn_bars(make_chart(Stretch(hours(100) - moment, hours(100), Presence.FULL, 1, 1)))

    (span,) = drawn.spans
    assert span.width == 2
    assert span.x + span.width == BAR_WIDTH


def test_recordings_are_cut_to_the_axis():
    recorded = [(hours(-9), hours(-5)), (hours(-5), hours(10)), (hours(90), hours(200))]

    spans = drawn_recordings(make_chart(), recorded)

    assert [(span.x, span.width) for span in spans] == [(0, 100), (900, 100)]
