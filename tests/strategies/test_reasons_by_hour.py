"""The hour in which a strategy held back is on record, whoever worked it through and however often."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from portfolios.models import ReasonCount, Standing
from strategies.authoring import begin_strategy
from strategies.checking.stretches import MIDNIGHT_NS, simulated
from strategies.deployments.terms import terms_of
from strategies.models import Deployment
from strategies.seasons import open_season
from strategies.versions import registry
from strategies.worker.runner import Runner
from trading.engine import Engine
from trading.frames import Frame, utc
from trading.market import Market

pytestmark = pytest.mark.django_db
MARKET = "simulated:1"
MIDNIGHT = utc(MIDNIGHT_NS)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(simulated(["BTC/USD"], 2, {"1m": 60}))


@pytest.fixture
def deployment(tmp_path: Path, settings):
    settings.STRATEGY_PATHS = [tmp_path]
    begin_strategy("dips", "full", tmp_path)
    registry.rescan()
    Deployment.objects.create(slug="dips", name="Dips", strategy="dips")
    open_season(market=MARKET)
    yield Deployment.objects.select_related("account").get()
    registry.rescan()


def work_through(deployment: Deployment, frames: list[Frame], *, flush_every: int, is_killed: bool = False) -> None:
    runner = Runner(MARKET)
    runner.host(deployment, lambda _sequence: iter(()))
    for number, frame in enumerate(frames, start=1):
        runner.process(frame)
        if number % flush_every == 0:
            runner.flush()
    if not is_killed:
        runner.flush(is_last=True)


def reasons_until_midnight(deployment: Deployment, frames: list[Frame]) -> dict[str, int]:
    found, market = registry.strategy("dips"), Market()
    engine = Engine(found, found.config({}), terms_of(deployment, 0))
    for frame in frames:
        if frame.time_ns <= MIDNIGHT_NS:
            market.fold(frame)
            engine.process(frame, market.snapshot())
    return engine.why


@pytest.mark.parametrize("flush_every", [1, 70, 10_000])
def test_the_totals_at_the_end_of_an_hour_do_not_depend_on_when_rows_are_written(deployment, frames, flush_every):
    work_through(deployment, frames, flush_every=flush_every)

    row = ReasonCount.objects.get()
    assert row.hour_end == MIDNIGHT
    assert row.counts == reasons_until_midnight(deployment, frames)
    assert sum(row.counts.values()) > 500


@pytest.mark.parametrize("killed_at", [590, 605, 1_000])
def test_a_worker_that_dies_around_the_hour_neither_loses_nor_doubles_what_was_counted(deployment, frames, killed_at):
    work_through(deployment, frames[:killed_at], flush_every=7, is_killed=True)

    work_through(deployment, frames, flush_every=50)

    assert ReasonCount.objects.get().counts == reasons_until_midnight(deployment, frames)


def test_the_standing_shows_the_indicators_of_the_last_evaluation_and_its_time(deployment, frames):
    work_through(deployment, frames, flush_every=100)

    standing = Standing.objects.get()
    assert set(standing.indicators["BTC/USD"]) == {"price", "average", "distance_pct"}
    assert standing.indicators_at == standing.as_of == MIDNIGHT + timedelta(minutes=1)
