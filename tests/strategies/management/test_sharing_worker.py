"""A worker in a season of shared liquidity: it has all who share, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from marketdata import bus
from marketdata.recording.reading import recorded_frames
from portfolios.models import Season
from portfolios.selectors import fills_digest
from strategies.league.files import load_league
from strategies.models import Deployment
from strategies.seasons import open_season
from strategies.worker.evaluations import Evaluations
from strategies.worker.loop import WorkerLoop
from strategies.worker.runner import Runner
from tests.leagues import CAPTURE, hungry_league, written
from trading.frames import Frame

pytestmark = pytest.mark.django_db
MARKET = "recording:test:00000000"
SEASON_LOCK, DEPLOYMENT_LOCK = 7_103, 7_101


class OtherWorker:
    """Another session of the database, which holds leases as another worker would."""

    def __init__(self) -> None:
        self.session = connection.copy()

    def hold(self, kind: int, key: int) -> None:
        with self.session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [kind, key])
            assert cursor.fetchone() == (True,)

    def die(self) -> None:
        with self.session.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
        self.session.close()


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(recorded_frames(CAPTURE))


@pytest.fixture
def season(frames: list[Frame]) -> Iterator[Season]:
    bus.redis_client().flushall()
    bus.publish(MARKET, frames)
    bus.announce_market(MARKET)
    load_league(hungry_league(), by="test")
    yield open_season(market=MARKET, liquidity="shared")
    bus.redis_client().flushall()


@pytest.fixture
def other() -> Iterator[OtherWorker]:
    worker = OtherWorker()
    yield worker
    worker.die()


@pytest.fixture
def worker() -> Iterator[WorkerLoop]:
    loop = WorkerLoop(Evaluations())
    loop._row = loop._register()
    yield loop
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


def test_a_worker_takes_over_what_was_taken_of_the_book_with_those_who_share_it(
    season: Season, frames: list[Frame], worker: WorkerLoop, other: OtherWorker, tmp_path: Path
) -> None:
    other.hold(SEASON_LOCK, season.pk)
    worker._keep_house()
    assert worker._runner.hosted == {}
    victim = Runner.of(season)
    for row in Deployment.objects.select_related("account__season"):
        victim.host(row, partial(bus.read, MARKET))
    for frame in frames[:111]:
        victim.process(frame)
        victim.flush()

    other.die()
    worker._keep_house()
    for frame in bus.read(MARKET, worker._runner.sequence):
        worker._runner.process(frame)
    worker._runner.flush()

    assert len(worker._runner.hosted) == Deployment.objects.count()
    assert fills_digest(season) == replayed(tmp_path)


def test_a_worker_takes_nobody_while_another_still_holds_one_who_shares(
    season: Season, worker: WorkerLoop, other: OtherWorker
) -> None:
    other.hold(DEPLOYMENT_LOCK, Deployment.objects.order_by("pk").last().pk)

    worker._keep_house()
    hosted_meanwhile = len(worker._runner.hosted)
    other.die()
    worker._keep_house()

    assert (hosted_meanwhile, len(worker._runner.hosted)) == (0, Deployment.objects.count())


def replayed(tmp_path: Path) -> str:
    out = StringIO()
    path = written(hungry_league(), tmp_path / "league.toml")
    call_command("replay", str(CAPTURE), "--league", str(path), "--liquidity", "shared", "--json", stdout=out)
    return json.loads(out.getvalue())["fills_sha256"]
