"""Shadows beside hosted deployments: as durable as these, and of no effect on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from portfolios.models import Checkpoint, Season, Shadow
from portfolios.selectors import current_season, fills_digest
from strategies.deployments.services import change_deployment, pause_deployment, reset_deployment
from strategies.league.board import league_board
from strategies.league.files import load_league
from strategies.models import Deployment
from strategies.seasons import open_season
from strategies.worker.runner import Runner
from strategies.worker.shadows import has_place, placed_deployments
from tests.leagues import CAPTURE, restless_league, written
from tests.rows import enter, stand
from tests.season import MARKET, host, on_the_stream, replayed
from trading.engine import Engine
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot

pytestmark = pytest.mark.django_db
FIGURES = (
    *("fill_model", "since_sequence", "since", "equity", "mid_equity", "result", "fees", "max_drawdown_pct"),
    *("fills", "round_trips", "errors", "as_of", "sequence"),
)


@pytest.fixture
def stream() -> Iterator[list[Frame]]:
    with on_the_stream() as frames:
        yield frames


@pytest.fixture
def league(stream: list[Frame]) -> list[Deployment]:
    load_league(restless_league(3), by="test")
    Deployment.objects.update(shadows="on")
    open_season(market=MARKET)
    return list(Deployment.objects.select_related("account__season"))


def hosting(*deployments: Deployment) -> Runner:
    rows = Deployment.objects.select_related("account__season")
    return host(Runner(MARKET), [rows.get(pk=deployment.pk) for deployment in deployments])


def work(runner: Runner, frames: list[Frame], *, flush_every: int = 10) -> Runner:
    for at, frame in enumerate(frames):
        runner.process(frame)
        if at % flush_every == 0:
            runner.flush()
    runner.flush(is_last=True)
    return runner


def reload(runner: Runner, row: Deployment, **changes: Any) -> None:
    change_deployment(deployment=row, by="test", **changes)
    runner.reload(row)


def rows_of(*deployments: Deployment) -> list[dict[str, Any]]:
    return list(
        Shadow.objects.filter(account__slug__in=[row.slug for row in deployments]).values("account_id", *FIGURES)
    )


def models_of(deployment: Deployment) -> set[str]:
    return set(Shadow.objects.filter(account_id=deployment.account_id).values_list("fill_model", flat=True))


def test_facts_are_those_of_a_league_without_shadows_and_bands_those_of_a_replay(
    league: list[Deployment], stream: list[Frame], tmp_path: Path
) -> None:
    work(hosting(*league), stream)

    expected = replayed(restless_league(3), tmp_path, "--shadows")

    assert Shadow.objects.count() == 2 * len(league)
    assert fills_digest(current_season()) == expected["fills_sha256"]
    for contestant in league_board(current_season(), None):
        band = expected["optimism"][contestant.deployment.slug]
        low, high = contestant.optimism.band_pct
        assert [round(low, 9), round(high, 9)] == [round(Decimal(value), 9) for value in band["band_pct"]]
        assert round(contestant.optimism.gap_pct, 9) == round(high - low, 9)
    assert any(contestant.optimism.gap_pct > 0 for contestant in league_board(current_season(), None))


def test_a_replay_prints_the_band_of_each_deployment(tmp_path: Path) -> None:
    out = StringIO()
    path = written(restless_league(1), tmp_path / "league.toml")

    call_command("replay", str(CAPTURE), "--league", str(path), "--shadows", stdout=out)

    for slug in ("hold", "random-0"):
        (line,) = [line for line in out.getvalue().splitlines() if line.split()[0] == slug]
        band = re.search(r"band (\S+) … (\S+) %  \(optimistic (\S+), pessimistic (\S+), realistic (\S+)\)", line)
        low, high, *returns = (float(number) for number in band.groups())
        assert (low, high) == (min(returns), max(returns))


@pytest.mark.parametrize("killed_at", [3, 60, 111, 200])
def test_a_worker_that_dies_changes_no_shadow(league: list[Deployment], stream: list[Frame], killed_at: int) -> None:
    first = hosting(*league)
    for at, frame in enumerate(stream[:killed_at]):
        first.process(frame)
        if at % 7 == 0:
            first.flush()
    work(hosting(*league), stream)
    survived = rows_of(*league)
    Shadow.objects.all().delete()
    Checkpoint.objects.all().delete()

    work(hosting(*league), stream)

    assert rows_of(*league) == survived
    assert sum(row["fills"] for row in survived) > 40


def test_shadows_are_saved_at_the_cursor_of_their_deployment(league: list[Deployment], stream: list[Frame]) -> None:
    runner = hosting(*league)
    for frame in stream[:150]:
        runner.process(frame)
        runner.flush()

        cursors = dict(Checkpoint.objects.values_list("account_id", "sequence"))
        assert set(Shadow.objects.values_list("account_id", "sequence")) == set(cursors.items())


def test_a_changed_fill_model_ends_its_shadow_and_forks_the_missing_one(
    league: list[Deployment], stream: list[Frame]
) -> None:
    row = league[0]
    runner = work(hosting(row), stream[:100])
    assert models_of(row) == {"optimistic", "pessimistic"}

    reload(runner, row, fill_model="optimistic")
    work(runner, stream[100:])

    since = dict(Shadow.objects.filter(account=row.account).values_list("fill_model", "since_sequence"))
    assert since == {"realistic": stream[99].sequence, "pessimistic": 0}


def test_a_changed_config_holds_for_the_shadows_too_and_they_go_on(
    league: list[Deployment], stream: list[Frame]
) -> None:
    row = next(row for row in league if row.strategy == "random_trader")
    runner = work(hosting(row), stream[:100])
    before = rows_of(row)

    reload(runner, row, config={"trades_per_minute": 1, "size_usd": 7})

    shadows = runner.hosted[row.pk].shadows.running.values()
    assert {shadow.engine.config.size_usd for shadow in shadows} == {7}
    assert [shadow.engine.figures.fills for shadow in shadows] == [each["fills"] for each in before]


def test_switched_off_the_rows_go_and_switched_on_they_begin_from_there(
    league: list[Deployment], stream: list[Frame]
) -> None:
    row = league[0]
    runner = work(hosting(row), stream[:100])

    reload(runner, row, shadows="off")
    runner.flush()
    assert models_of(row) == set()
    reload(runner, row, shadows="on")
    work(runner, stream[100:])

    assert {each["since_sequence"] for each in rows_of(row)} == {stream[99].sequence}


def test_an_account_that_was_reset_gets_shadows_of_its_own(league: list[Deployment], stream: list[Frame]) -> None:
    row = league[0]
    work(hosting(row), stream[:100])
    old = row.account_id

    reset_deployment(deployment=row, by="test")
    work(hosting(row), stream)

    fresh = [each for each in rows_of(row) if each["account_id"] != old]
    assert [(each["since_sequence"], each["sequence"]) for each in fresh] == [(0, stream[-1].sequence)] * 2


def test_shadows_rest_while_their_deployment_is_paused(league: list[Deployment], stream: list[Frame]) -> None:
    row = next(row for row in league if row.strategy == "random_trader")
    runner = hosting(row)
    pause_deployment(deployment=row, by="test")
    runner.reload(row)

    work(runner, stream)

    assert [shadow.engine.why for shadow in runner.hosted[row.pk].shadows.running.values()] == [{}, {}]


def test_a_shadow_that_cannot_go_on_ends_alone_and_is_forked_anew(
    league: list[Deployment], stream: list[Frame], tmp_path: Path
) -> None:
    runner = work(hosting(*league), stream[:100])
    broken = runner.hosted[league[0].pk].shadows.running["pessimistic"]
    broken.engine.account = None
    work(runner, stream[100:150])
    assert models_of(league[0]) == {"optimistic"}

    runner.arrange_shadows(frozenset())
    work(runner, stream[150:])

    assert models_of(league[0]) == {"optimistic", "pessimistic"}
    assert fills_digest(current_season()) == replayed(restless_league(3), tmp_path, "--shadows")["fills_sha256"]


def test_what_the_owner_pays_in_is_paid_to_the_shadows_and_is_no_return(
    league: list[Deployment], stream: list[Frame]
) -> None:
    runner = work(hosting(*league), stream)
    returns = []
    for amount in (1, 50):
        for hosted in runner.hosted.values():
            pay_in = partial(paid, amount=amount, snapshot=runner.market.snapshot())
            pay_in(hosted.engine)
            hosted.shadows.share(pay_in)
        runner.flush(is_last=True)
        returns.append({c.deployment.slug: c.optimism.band.returns_pct for c in league_board(current_season(), None)})

    assert returns[0] == returns[1]
    assert min(row["equity"] for row in rows_of(*league)) > 140


def test_a_shadow_that_has_not_what_the_owner_takes_out_ends(league: list[Deployment], stream: list[Frame]) -> None:
    runner = work(hosting(league[0]), stream[:20])
    hosted = runner.hosted[league[0].pk]

    hosted.shadows.share(partial(paid, amount=-1_000, snapshot=runner.market.snapshot()))
    runner.flush()

    assert models_of(league[0]) == set()


def paid(engine: Engine, *, amount: int, snapshot: MarketSnapshot) -> None:
    """Pay into an account, or out of it, and value it anew."""
    account, fact = engine.account, f"{engine.terms.slug}:payment-{amount}"
    if amount < 0:
        account.withdraw(fact, "USD", Decimal(-amount), snapshot)
    else:
        account.deposit(fact, "USD", Decimal(amount), snapshot)
    engine.figures.mark(account, account.worth(snapshot), snapshot)


def test_a_place_among_the_best_begins_shadows_and_twice_that_place_keeps_them() -> None:
    begun = [rank for rank in range(1, 12) if has_place(rank, is_running=False, top=4)]
    kept = [rank for rank in range(1, 12) if has_place(rank, is_running=True, top=4)]

    assert (begun, kept) == ([1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8])


def test_left_to_itself_a_deployment_has_shadows_by_its_place(settings: Any) -> None:
    settings.PADDOCK_SHADOWS_TOP = 1
    season = Season.objects.create(number=1, name="Test", market=MARKET)
    rows = [enter(season, slug) for slug in ("ann", "bob", "cid")]
    for row, equity in zip(rows, ("103", "102", "101"), strict=True):
        stand(row, equity)
    assert placed_deployments(season) == {rows[0].pk}

    for row in rows[1:]:
        Shadow.objects.create(
            account=row.account, fill_model="optimistic", since_sequence=1, sequence=1, checkpoint=b""
        )

    assert placed_deployments(season) == {rows[0].pk, rows[1].pk}


def test_shadows_by_place_begin_and_end_with_the_place(league: list[Deployment], stream: list[Frame]) -> None:
    row = league[0]
    Deployment.objects.filter(pk=row.pk).update(shadows="auto")
    runner = work(hosting(row), stream[:50])
    assert models_of(row) == set()

    runner.arrange_shadows(frozenset({row.pk}))
    work(runner, stream[50:100])
    assert {each["since_sequence"] for each in rows_of(row)} == {stream[49].sequence}
    runner.arrange_shadows(frozenset())
    work(runner, stream[100:])

    assert models_of(row) == set()
