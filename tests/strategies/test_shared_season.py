"""A season whose deployments share one book: the same facts live, replayed, and after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from marketdata import bus
from portfolios.models import Checkpoint, Fill, Season, SharedBook
from portfolios.selectors import current_season
from strategies.deployments.services import create_deployment
from strategies.league.files import load_league
from strategies.models import Deployment
from strategies.seasons import new_season, open_season
from strategies.worker import leases
from strategies.worker.runner import Runner
from tests.drawing import Scene
from tests.leagues import hungry_league
from tests.season import MARKET, host, on_the_stream, replayed, season_digest
from trading.frames import Frame

pytestmark = pytest.mark.django_db


@pytest.fixture
def stream() -> Iterator[list[Frame]]:
    with on_the_stream() as frames:
        yield frames


@pytest.fixture
def league(stream: list[Frame]) -> list[Deployment]:
    load_league(hungry_league(), by="test")
    open_season(market=MARKET, liquidity="shared")
    return list(Deployment.objects.select_related("account__season").order_by("-slug"))


def hosting(deployments: list[Deployment]) -> Runner:
    return host(Runner.of(current_season()), deployments)


def replayed_digest(tmp_path: Path, liquidity: str) -> str:
    return replayed(hungry_league(), tmp_path, "--liquidity", liquidity)["fills_sha256"]


def test_a_shared_season_writes_the_fills_that_a_shared_replay_computes(
    league: list[Deployment], stream: list[Frame], tmp_path: Path
) -> None:
    runner = hosting(league)
    for at, frame in enumerate(stream):
        runner.process(frame)
        if at % 10 == 0:
            runner.flush()
    runner.flush()

    assert season_digest() == replayed_digest(tmp_path, "shared")
    assert season_digest() != replayed_digest(tmp_path, "private")
    assert Fill.objects.count() > 40


@pytest.mark.parametrize("killed_at", [3, 60, 111, 200])
def test_a_worker_that_dies_takes_nothing_that_was_taken_with_it(
    league: list[Deployment], stream: list[Frame], tmp_path: Path, killed_at: int
) -> None:
    first = hosting(league)
    for at, frame in enumerate(stream[:killed_at]):
        first.process(frame)
        if at % 7 == 0:
            first.flush()
    del first  # with whatever it had not committed

    second = hosting(league)
    for frame in stream:
        second.process(frame)
    second.flush()

    assert season_digest() == replayed_digest(tmp_path, "shared")


def test_all_who_share_are_saved_with_the_book_at_one_frame(league: list[Deployment], stream: list[Frame]) -> None:
    runner = hosting(league)
    saved = set()
    for frame in stream:
        runner.process(frame)
        runner.flush()
        cursors = set(Checkpoint.objects.values_list("sequence", flat=True))
        assert cursors == set(SharedBook.objects.values_list("sequence", flat=True))
        saved |= cursors

    assert len(saved) > 20
    assert Checkpoint.objects.count() == len(league)


def test_one_who_comes_back_late_catches_up_on_a_book_of_its_own(league: list[Deployment], stream: list[Frame]) -> None:
    late, *others = league
    runner = hosting(others)
    for frame in stream[:150]:
        runner.process(frame)

    runner.host(late, partial(bus.read, MARKET))
    caught_up = runner.hosted[late.pk].engine.sequence
    for frame in stream[150:]:
        runner.process(frame)
    runner.flush()

    assert caught_up == stream[149].sequence
    assert list(runner.hosted) == [row.pk for row in sorted(league, key=lambda row: row.slug)]
    assert set(Checkpoint.objects.values_list("sequence", flat=True)) == {SharedBook.objects.get().sequence}


BOOK = """
    101 x 30000
    100 x 100
    ---
     99 x 30000
"""


@pytest.mark.parametrize(("liquidity", "best_of_the_second"), [("shared", 101), ("private", 100)])
def test_a_level_taken_by_the_first_slug_is_gone_for_the_second(liquidity: str, best_of_the_second: int) -> None:
    bus.redis_client().flushall()
    terms = {"strategy": "buy_and_hold", "symbols": ["XRP/USD"], "cash": Decimal(202), "latency_ms": 0}
    rows = [create_deployment(by="test", slug=slug, name=slug, **terms) for slug in ("bob", "ann")]
    season = open_season(market=MARKET, liquidity=liquidity)
    runner, scene = Runner.of(season), Scene()
    for row in rows:
        row.refresh_from_db()
        runner.host(row, lambda sequence: [])

    for _ in range(3):
        runner.process(scene.frame(BOOK))
        scene.market.sequence = scene.sequence
    runner.flush()

    best = dict(Fill.objects.order_by("-price").values_list("account__slug", "price"))
    assert best == {"ann": 100, "bob": best_of_the_second}


def test_the_first_season_follows_the_setting_and_each_later_one_the_one_before(settings: object) -> None:
    settings.PADDOCK_LIQUIDITY = "shared"
    first = open_season(market="kraken")
    settings.PADDOCK_LIQUIDITY = "private"

    begun_by_itself = open_season(market="simulated:1")
    chosen = new_season(market="simulated:1", by="test", liquidity="private")
    after = new_season(market="kraken", by="test")

    chosen_liquidity = [season.liquidity for season in (first, begun_by_itself, chosen, after)]
    assert chosen_liquidity == ["shared", "shared", "private", "private"]


def test_a_running_season_keeps_its_liquidity() -> None:
    open_season(market="kraken", liquidity="shared")

    assert open_season(market="kraken", liquidity="private").liquidity == "shared"
    assert Season.objects.count() == 1


def test_an_unknown_liquidity_is_refused_and_nothing_ends() -> None:
    season = open_season(market="kraken")

    with pytest.raises(ValidationError, match="liquidity is 'common'; known are private, shared"):
        new_season(market="kraken", by="test", liquidity="common")

    assert current_season() == season


def test_the_command_chooses_the_liquidity_of_the_next_season() -> None:
    open_season(market="kraken")

    call_command("league", "season", "--liquidity", "shared", stdout=StringIO())

    assert current_season().liquidity == "shared"
    with pytest.raises(CommandError, match="invalid choice: 'common'"):
        call_command("league", "season", "--liquidity", "common")


def test_the_lease_on_a_season_belongs_to_one_connection() -> None:
    assert leases.claim_season(7)

    leases.release_season(7)

    assert leases.claim_season(7)
    leases.release_season(7)
