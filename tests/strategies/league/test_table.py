from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from portfolios.models import EquityPoint
from portfolios.results.performance import NO_EDGE, NO_TRIP, NOT_KEPT, NOTHING_PAID
from portfolios.results.windows import window_named
from portfolios.selectors import current_season
from strategies.league.table import OutsideSeason, View, league
from strategies.versions import registry
from tests.flipping import write_flipper
from tests.rows import NOON, enter, feed, fill, open_season, stand

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def point(deployment, ago, equity, **figures):
    """Write how the account stood a while before noon."""
    body = {"stake": 100, "paid_in": 100, "realised": 0, "fees": 0, "exposure": 0, "drawdown_pct": 0,
            "max_drawdown_pct": 0, "fills": 0, "round_trips": 0, "wins": 0}  # fmt: skip
    return EquityPoint.objects.create(
        account=deployment.account, time=NOON - ago, equity=equity, mid_equity=equity, **{**body, **figures}
    )


def looked_at(window="season", at=None):
    return league(current_season(), feed(), View(window_named(window), at))


def place_of(slug, window="season", at=None):
    return next(place for place in looked_at(window, at).places if place.deployment.slug == slug)


@pytest.fixture
def season():
    return open_season()


@pytest.fixture
def trader(season):
    """A deployment that stood at 100 two days ago, at 110 an hour ago, and stands at 104.5."""
    row = enter(season, "trader", strategy="ema_cross")
    point(row, 2 * DAY, 100)
    point(row, HOUR, 110, realised=8, fees=2, fills=6, round_trips=3, wins=2)
    point(row, timedelta(0), "104.5", realised=3, fees=3, fills=8, round_trips=4, wins=2)
    stand(row, "104.5", realised=Decimal(3), unrealised=Decimal("1.5"), fees=Decimal(3), fills=8, round_trips=4,
          wins=2, max_drawdown_pct=Decimal(6))  # fmt: skip
    return row


def test_a_window_holds_what_happened_since_it_began(trader):
    made = place_of("trader", "1h").performance

    assert (made.gain, made.return_pct) == (Decimal("-5.5"), Decimal(-5))
    assert (made.realised, made.unrealised, made.fees) == (-5, Decimal("-0.5"), 1)
    assert (made.fills, made.round_trips, made.wins) == (2, 1, 0)
    assert made.worst_pct == 5
    assert made.since == NOON - HOUR
    assert made.is_whole


def test_the_season_s_window_is_the_account_s_own_figures(trader):
    place = place_of("trader")
    made = place.performance

    assert made.return_pct == place.row.return_pct == Decimal("4.5")
    assert (made.realised, made.unrealised, made.fees) == (3, Decimal("1.5"), 3)
    assert made.worst_pct == 6
    assert made.win_rate_pct == 50
    assert [round(bound, 1) for bound in made.win_rate_interval_pct] == [Decimal("15.0"), Decimal("85.0")]


def test_fees_are_a_share_of_what_was_gained_before_them(trader):
    made = place_of("trader").performance

    assert made.fees_of_edge_pct == Decimal(3) / Decimal("7.5") * 100


def test_without_a_gain_before_fees_there_is_no_share(trader, season):
    idle = enter(season, "idle")
    stand(idle, "100")

    assert place_of("trader", "1h").performance.reasons["fees_of_edge_pct"] == NO_EDGE
    assert place_of("idle").performance.reasons == {"win_rate_pct": NO_TRIP, "fees_of_edge_pct": NOTHING_PAID}


def test_what_is_paid_in_is_no_gain(season):
    row = enter(season, "rich")
    point(row, 2 * HOUR, 100)
    point(row, timedelta(minutes=30), 205, stake=200, paid_in=200)
    stand(row, "210", stake=Decimal(200), paid_in=Decimal(200))

    made = place_of("rich", "1h").performance

    assert made.gain == 10
    assert made.return_pct == 5  # of 100 that were there and 100 that came
    assert made.worst_pct == 0


def test_who_began_within_the_window_says_so(season, trader):
    late = enter(season, "late")
    point(late, timedelta(minutes=10), 100)
    stand(late, "101")

    made = place_of("late", "1h").performance

    assert not made.is_whole
    assert made.since == NOON - timedelta(minutes=10)
    assert made.return_pct == 1
    assert not place_of("late").performance.is_whole


def test_points_from_before_figures_were_kept_have_no_figures(season):
    row = enter(season, "old")
    EquityPoint.objects.create(account=row.account, time=NOON - 2 * HOUR, equity=100, mid_equity=100)
    stand(row, "103", realised=Decimal(2), unrealised=Decimal(1))

    made = place_of("old", "1h").performance

    assert made.return_pct == 3
    assert made.realised is None
    assert made.reasons["realised"] == NOT_KEPT


def test_the_league_is_ordered_by_the_window_and_tells_how_places_changed(season):
    for slug, before, now in (("leader", 120, "121"), ("climber", 100, "130"), ("faller", 110, "90")):
        row = enter(season, slug)
        point(row, 2 * DAY, before)
        stand(row, now)

    day, whole = looked_at("24h"), looked_at()

    assert [place.deployment.slug for place in day.places] == ["climber", "leader", "faller"]
    assert [(p.row.rank, p.rank_change) for p in day.places] == [(1, 2), (2, -1), (3, -1)]
    assert [p.rank_change for p in whole.places] == [2, -1, -1]


def test_the_sums_of_a_window_are_those_of_its_places(season, trader):
    other = enter(season, "other")
    point(other, 2 * HOUR, 50, fees=1)
    stand(other, "55", fees=Decimal("1.5"), fills=1)

    (totals,) = looked_at("1h").totals

    assert totals.window.gain == Decimal("-0.5")
    assert totals.window.return_pct == Decimal("-0.5") / 160 * 100
    assert (totals.window.fees, totals.window.fills, totals.window.round_trips) == (Decimal("1.5"), 3, 1)
    assert totals.standing.equity == Decimal("159.5")


def test_samples_lie_on_the_grid_and_are_absent_where_nothing_was_valued(season, trader):
    found = looked_at("24h")
    (place,) = found.places

    known = {tick: sample.equity for tick, sample in zip(found.ticks, place.performance.samples, strict=True) if sample}
    assert known == {NOON - HOUR: 110, NOON: Decimal("104.5")}


def test_the_past_is_reported_as_it_stood(season, trader):
    fill(trader, 1, time=NOON - timedelta(minutes=90))
    fill(trader, 2, time=NOON - timedelta(minutes=5))

    place = place_of("trader", at=NOON - timedelta(minutes=30))

    assert place.row.equity == 110
    assert place.row.standing.as_of == NOON - HOUR
    assert (place.row.standing.realised, place.row.standing.unrealised) == (8, 2)
    assert place.performance.win_rate_pct == Decimal(200) / 3
    assert place.row.standing.last_fill_at == NOON - timedelta(minutes=90)
    assert place.health.value == "not kept"
    assert place.row.leverage == 0


def test_before_a_reset_the_past_knows_the_old_account(season, trader):
    old = trader.account
    old.closed_at = NOON
    old.save()
    point(enter(season, "other"), timedelta(0), 100)

    assert place_of("trader", at=NOON - timedelta(minutes=1)).row.account == old


@pytest.mark.parametrize("ago", [3 * DAY, -HOUR])
def test_a_moment_outside_of_the_season_is_refused_with_its_reach(season, trader, ago):
    with pytest.raises(OutsideSeason, match="the season reaches from 2026-07-05T12:00:00Z to 2026-07-07T12:00:00Z"):
        looked_at(at=NOON - ago)


def test_without_a_season_there_is_no_past():
    with pytest.raises(OutsideSeason, match="nothing has been valued"):
        league(None, None, View(at=NOON))


def test_cash_is_the_usual_stake_and_yardsticks_are_named(season):
    enter(season, "hold-btc")
    enter(season, "dice", strategy="random_trader")
    enter(season, "mine", strategy="ema_cross")
    found = looked_at()

    assert found.cash == (Decimal(100), "USD")
    assert {p.deployment.slug: p.benchmark for p in found.places} == {"hold-btc": "hold", "dice": "random", "mine": ""}


def test_a_strategy_of_ones_own_declares_that_it_is_a_benchmark(season, folder):
    write_flipper(folder, ending='\nCATEGORY = "coin"\nIS_BENCHMARK = True\n')
    registry.rescan()
    enter(season, "coin", strategy="flipper")

    (place,) = looked_at().places

    assert place.benchmark == "coin"


def test_a_benchmark_of_a_version_that_was_kept_before_it_could_say_so_is_known_by_name(season):
    enter(season, "hold-btc")
    (place,) = looked_at().places
    assert place.strategy is not None
    undeclared = replace(place.strategy, category="", is_benchmark=False)

    assert replace(place, strategy=undeclared).benchmark == "hold"


def test_the_queries_do_not_grow_with_the_deployments(season, django_assert_max_num_queries):
    for number in range(12):
        row = enter(season, f"d{number}")
        point(row, 2 * HOUR, 100)
        stand(row, "100")

    with django_assert_max_num_queries(9):
        looked_at("1h")
    with django_assert_max_num_queries(10):
        looked_at("24h", NOON - HOUR - HOUR)


def test_the_api_tells_the_window_of_each_row(client, season, trader):
    answer = client.get("/api/v1/league/?window=1h")

    (row,) = answer.json()["rows"]
    assert row["return_pct"] == "4.5"
    assert row["window"]["return_pct"] == "-5"
    assert row["window"]["reasons"] == {"fees_of_edge_pct": NO_EDGE}
    assert answer.json()["window"]["name"] == "1h"
    assert len(answer.json()["window"]["ticks"]) == len(row["window"]["samples"])
    assert answer.json()["totals"][0]["window"]["gain"] == "-5.5"


def test_the_api_tells_the_past(client, season, trader):
    answer = client.get("/api/v1/league/", {"at": (NOON - HOUR).isoformat()})

    (row,) = answer.json()["rows"]
    assert (row["equity"], row["realised"], row["refusals"], row["health"]) == ("110", "8", None, "not kept")


@pytest.mark.parametrize(
    ("query", "field", "right"),
    [
        ("window=2h", "window", "expected one of 1h, 24h, 7d, 30d, season"),
        ("at=yesterday", "at", "expected a time with its zone"),
        ("at=2020-01-01T00:00:00Z", "at", "the season reaches from"),
    ],
)
def test_what_cannot_be_looked_at_is_reported_by_field(client, season, trader, query, field, right):
    answer = client.get(f"/api/v1/league/?{query}")

    assert answer.status_code == 400
    assert right in answer.json()["errors"][field][0]
