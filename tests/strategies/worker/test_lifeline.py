"""A worker that is cut off from the database or from Redis lets go of its deployments, and waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
import redis
from django.db import OperationalError, connection

from marketdata import bus
from marketdata.redis_connection import redis_client
from strategies.models import Deployment
from strategies.worker import leases, lifeline
from strategies.worker.evaluations import Evaluations
from strategies.worker.lifeline import Lifeline, bound_waits
from strategies.worker.loop import WorkerLoop
from tests.processes import wait_until
from tests.season import MARKET, on_the_stream
from tests.strategies.worker.test_load import entered, idle_league

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session() -> Iterator[psycopg.Connection]:
    """A session of its own, as a worker has one."""
    copied = connection.copy()
    copied.ensure_connection()
    copied.connection.execute("SET client_connection_check_interval = 200")
    copied.connection.commit()
    yield copied.connection
    copied.close()


def test_a_database_that_answers_nobody_any_more_is_left(
    session: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeline, "PATIENT_FOR_S", 0.3)
    bound_waits(session, server_answers=lambda: False)
    began_s = time.monotonic()

    with pytest.raises(psycopg.OperationalError, match="has not answered"):
        session.execute("SELECT pg_sleep(20)")

    assert time.monotonic() - began_s < 10
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")


def test_a_database_that_is_merely_slow_is_waited_for(
    session: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeline, "PATIENT_FOR_S", 0.1)
    asked = []
    bound_waits(session, server_answers=lambda: not asked.append(1))

    answer = session.execute("SELECT 7, pg_sleep(0.8)").fetchone()

    assert answer is not None
    assert answer[0] == 7
    assert asked


def test_the_server_gives_the_leases_of_a_worker_away_that_stands_still() -> None:
    stands, may_go = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def stand_still() -> None:
        try:
            Lifeline(silent_s=0.5).tie()
            leases.claim(41)
            stands.set()
            may_go.wait(60)
            leases.claim(42)
        except OperationalError as error:
            errors.append(error)
        finally:
            connection.close()

    worker = threading.Thread(target=stand_still)
    worker.start()
    try:
        assert stands.wait(30)
        wait_until(lambda: 41 not in leases.leased_deployments(), "the lease is free")
    finally:
        may_go.set()
        worker.join(30)

    assert errors, "a worker that goes on finds out before it writes"


def test_a_command_to_redis_has_a_time_limit() -> None:
    limits = redis_client().connection_pool.connection_kwargs

    assert 0 < limits["socket_timeout"] <= 5
    assert 0 < limits["socket_connect_timeout"] <= 5


class Away:
    """Redis, away for so many questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, questions: int) -> None:
        self.left, self._ask = questions, bus.current_market
        monkeypatch.setattr(bus, "current_market", self.current_market)

    def current_market(self) -> str | None:
        if self.left > 0:
            self.left -= 1
            raise redis.ConnectionError("Connection refused")
        return self._ask()


class Watched(WorkerLoop):
    """A worker that stops when a condition holds, looked at whenever it keeps house or waits."""

    def __init__(self, is_over) -> None:  # type: ignore[no-untyped-def]  # a condition on the worker
        super().__init__(Evaluations())
        self._is_over = is_over

    def _note_life(self) -> None:
        super()._note_life()
        if self._is_over(self):
            self.stop()


def hosted_by(loop: WorkerLoop) -> int:
    return len(loop._runner.hosted) if loop._runner else 0


def test_a_worker_that_starts_before_redis_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.worker.loop.TRY_AGAIN_S", 0.01)
    with on_the_stream():
        bus.announce_market(MARKET)
        entered(idle_league(2))
        away = Away(monkeypatch, questions=5)
        most = []

        Watched(lambda loop: most.append(hosted_by(loop)) or hosted_by(loop) == 2).run()

    assert away.left == 0
    assert most[-1] == 2


def test_a_worker_without_redis_gives_its_deployments_up_and_takes_them_on_again_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strategies.worker.loop.TRY_AGAIN_S", 0.01)
    monkeypatch.setattr("strategies.worker.loop.WITHOUT_REDIS_S", 0.0)
    seen: list[tuple[int, int]] = []
    with on_the_stream():
        bus.announce_market(MARKET)
        rows = entered(idle_league(2))
        away = Away(monkeypatch, questions=0)

        def is_over(loop: WorkerLoop) -> bool:
            ours = set(leases.leased_deployments()) & {row.pk for row in rows}
            seen.append((hosted_by(loop), len(ours)))
            if len(seen) == 1:
                away.left = 3
            return len(seen) > 2 and hosted_by(loop) == 2

        Watched(is_over).run()

    assert seen[0] == (2, 2)
    assert (0, 0) in seen
    assert seen[-1] == (2, 2)
    assert Deployment.objects.count() == 2
