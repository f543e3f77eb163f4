"""Many deployments on one worker: written together, changed together, and never in each other's way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketdata import bus
from portfolios.models import Checkpoint, EquityPoint, Standing
from strategies.deployments.services import disable_deployment, pause_deployment
from strategies.league.files import DeploymentEntry, LeagueFile, load_league
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.seasons import open_season
from strategies.worker.evaluations import Evaluations
from strategies.worker.loop import WorkerLoop
from strategies.worker.runner import Runner
from strategies.worker.shedding import Shed
from tests.leagues import restless_league
from tests.season import MARKET, host, on_the_stream, replayed, season_digest
from trading.frames import Frame

pytestmark = pytest.mark.django_db
COUNT = 12


def idle_league(count: int = COUNT) -> LeagueFile:
    """Return a league of deployments that never trade."""
    entries = [
        DeploymentEntry(
            slug=f"idle-{number:02}",
            name=f"Idle {number}",
            strategy="ema_cross",
            symbols=["BTC/USD"],
            cash=Decimal(1000),
            shadows="off",
        )
        for number in range(count)
    ]
    return LeagueFile(deployments=entries)


@pytest.fixture
def stream() -> Iterator[list[Frame]]:
    with on_the_stream() as frames:
        bus.announce_market(MARKET)
        yield frames


def entered(league: LeagueFile) -> list[Deployment]:
    load_league(league, by="test")
    open_season(market=MARKET)
    return list(Deployment.objects.select_related("account__season"))


@pytest.fixture
def loop() -> Iterator[WorkerLoop]:
    loop = WorkerLoop(Evaluations())
    loop._row = loop._register()
    yield loop
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


def at_work(loop: WorkerLoop, frames: list[Frame]) -> Runner:
    """Have the worker take all on, and work some frames."""
    loop._keep_house()
    runner = loop._runner
    assert runner is not None
    for frame in frames[:60]:
        runner.process(frame)
    runner.flush()
    return runner


def statements_of_keeping_house(loop: WorkerLoop) -> int:
    with CaptureQueriesContext(connection) as captured:
        loop._keep_house()
    return len(captured)


@pytest.mark.parametrize("change", ["disable", "pause"])
def test_a_change_of_many_deployments_takes_no_more_statements_than_that_of_one(
    stream: list[Frame], loop: WorkerLoop, change: str
) -> None:
    rows = entered(idle_league())
    runner = at_work(loop, stream)
    loop._keep_house()
    apply = disable_deployment if change == "disable" else pause_deployment

    apply(deployment=rows[0], by="test")
    of_one = statements_of_keeping_house(loop)
    for row in rows[1:]:
        apply(deployment=row, by="test")
    of_eleven = statements_of_keeping_house(loop)

    assert of_eleven <= of_one + 3
    assert len(runner.hosted) == (0 if change == "disable" else COUNT)
    assert all(hosted.engine.is_paused for hosted in runner.hosted.values())


def test_a_commit_of_many_deployments_takes_no_more_statements_than_that_of_one(stream: list[Frame]) -> None:
    counts = []
    for count in (1, COUNT):
        rows = entered(idle_league(count))
        runner = host(Runner(MARKET), rows)
        for frame in stream[:100]:
            runner.process(frame)
        with CaptureQueriesContext(connection) as captured:
            runner.flush(is_last=True)
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_deployment_is_given_up_within_seconds_however_many_frames_wait(
    stream: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = entered(idle_league(2))
    worked: Counter[int] = Counter()

    class Slow(Evaluations):
        """Frames take so long that all that wait take many seconds."""

        def begin(self, sequence: int) -> None:
            super().begin(sequence)
            clock.now_s += 0.05
            worked["frames"] += 1
            if worked["frames"] == 30:
                disable_deployment(deployment=rows[0], by="test")
            if worked["frames"] == len(stream) - 5:
                loop.stop()

        def process(self, hosted, *args):  # type: ignore[no-untyped-def]  # as its base's
            worked[hosted.deployment_id] += 1
            return super().process(hosted, *args)

    class Clock:
        """Time that passes with frames alone."""

        now_s = 1_000.0

        def monotonic(self) -> float:
            return self.now_s

        def sleep(self, seconds: float) -> None:
            self.now_s += seconds

        def time(self) -> float:
            return self.now_s

    clock = Clock()
    monkeypatch.setattr("strategies.worker.loop.time", clock)
    loop = WorkerLoop(Slow())
    loop.run()

    # A second of frames after it was disabled, and what was worked until then.
    assert worked[rows[0].pk] <= 30 + 25
    assert worked[rows[1].pk] > 100


def test_quiet_deployments_take_turns_to_be_written_and_none_is_left_out(stream: list[Frame]) -> None:
    rows = entered(idle_league())
    runner = host(Runner(MARKET), rows)
    runner.process(stream[0])
    runner.flush(is_last=True)
    written = []
    for frame in stream[1:200]:
        runner.process(frame)
        before = dict(Standing.objects.values_list("pk", "sequence"))
        runner.flush(is_thrifty=True)
        after = dict(Standing.objects.values_list("pk", "sequence"))
        written.append(sum(after[pk] != before.get(pk) for pk in after))

    newest = runner.sequence
    assert max(written[20:]) <= COUNT / 4  # a frame's share of a second, and those that are saved
    assert all(newest - sequence <= 20 for sequence in Standing.objects.values_list("sequence", flat=True))
    assert all(newest - sequence <= 300 for sequence in Checkpoint.objects.values_list("sequence", flat=True))
    assert not runner.is_all_written
    runner.flush()
    assert runner.is_all_written
    assert set(Standing.objects.values_list("sequence", flat=True)) == {newest}


def test_neither_shadows_nor_points_that_are_left_undone_change_a_fill(stream: list[Frame], tmp_path: Path) -> None:
    rows = entered(restless_league(3))
    Deployment.objects.update(shadows="on")
    runner = host(
        Runner(MARKET), Deployment.objects.select_related("account__season").filter(pk__in=[row.pk for row in rows])
    )
    for at, frame in enumerate(stream):
        if at == 40:
            had_shadows = sum(len(hosted.shadows.running) for hosted in runner.hosted.values())
            runner.shed(Shed.POINTS, 4.0)
        runner.process(frame)
        runner.flush(is_thrifty=True)
    runner.flush(is_last=True)

    assert season_digest() == replayed(restless_league(3), tmp_path)["fills_sha256"]
    assert had_shadows > 0
    assert sum(len(hosted.shadows.running) for hosted in runner.hosted.values()) == 0


def test_that_a_deployment_is_evaluated_less_often_is_on_its_record_with_its_frame(stream: list[Frame]) -> None:
    rows = entered(restless_league(1))
    runner = host(Runner(MARKET), rows)
    for frame in stream[:50]:
        runner.process(frame)
    frame_then = runner.sequence

    runner.shed(Shed.QUARTER, 7.5)
    for frame in stream[50:60]:
        runner.process(frame)
    runner.shed(Shed.NOTHING, 0.3)
    runner.flush(is_thrifty=True)

    events = DeploymentEvent.objects.filter(kind="load", deployment=rows[0]).order_by("sequence")
    assert [event.summary for event in events] == [
        "evaluated every 4 frames while nothing is open, the worker is 7.5 s behind",
        "evaluated at every frame again while nothing is open",
    ]
    assert events[0].sequence == frame_then


def test_an_account_that_stands_still_gets_a_point_a_minute_and_its_last(stream: list[Frame]) -> None:
    entered(idle_league(1))
    runner = host(Runner(MARKET), list(Deployment.objects.select_related("account__season")))
    for frame in stream:
        runner.process(frame)
    runner.flush(is_last=True)

    seconds = len(stream) / 10
    assert 0 < EquityPoint.objects.count() <= seconds / 60 + 2


def test_statuses_are_applied_without_beginning_the_engine_anew(stream: list[Frame]) -> None:
    rows = entered(idle_league(1))
    runner = host(Runner(MARKET), rows)
    for frame in stream[:30]:
        runner.process(frame)
    runner.flush()
    before = runner.hosted[rows[0].pk].engine

    pause_deployment(deployment=rows[0], by="test")
    row = Deployment.objects.select_related("account").get()
    runner.reload(row)

    assert row.status == DeploymentStatus.PAUSED
    assert runner.hosted[row.pk].engine is before
    assert before.is_paused
