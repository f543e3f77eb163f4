"""A worker in a season of shared liquidity: it has all who share, or none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from marketdata import bus
from portfolios.models import Season
from portfolios.selectors import fills_digest
from strategies.league.files import load_league
from strategies.models import Deployment
from strategies.seasons import open_season
from strategies.worker.evaluations import Evaluations
from strategies.worker.loop import WorkerLoop
from strategies.worker.runner import Runner
from tests.leagues import hungry_league
from tests.season import MARKET, captured_frames, on_the_stream, replayed

pytestmark = pytest.mark.django_db
SEASON_LOCK, DEPLOYMENT_LOCK = 7_104, 7_101


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


@pytest.fixture
def season() -> Iterator[Season]:
    with on_the_stream():
        bus.announce_market(MARKET)
        load_league(hungry_league(), by="test")
        yield open_season(market=MARKET, liquidity="shared")


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
    season: Season, worker: WorkerLoop, other: OtherWorker, tmp_path: Path
) -> None:
    other.hold(SEASON_LOCK, season.pk)
    worker._keep_house()
    assert worker._runner.hosted == {}
    victim = Runner.of(season)
    for row in Deployment.objects.select_related("account__season"):
        victim.host(row, partial(bus.read, MARKET))
    for frame in captured_frames()[:111]:
        victim.process(frame)
        victim.flush()

    other.die()
    worker._keep_house()
    for frame in bus.read(MARKET, worker._runner.sequence):
        worker._runner.process(frame)
    worker._runner.flush()

    assert len(worker._runner.hosted) == Deployment.objects.count()
    assert fills_digest(season) == replayed(hungry_league(), tmp_path, "--liquidity", "shared")["fills_sha256"]


def test_a_worker_takes_nobody_while_another_still_holds_one_who_shares(
    season: Season, worker: WorkerLoop, other: OtherWorker
) -> None:
    other.hold(DEPLOYMENT_LOCK, Deployment.objects.order_by("pk").last().pk)

    worker._keep_house()
    hosted_meanwhile = len(worker._runner.hosted)
    other.die()
    worker._keep_house()

    assert (hosted_meanwhile, len(worker._runner.hosted)) == (0, Deployment.objects.count())
