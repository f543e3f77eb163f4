"""A league is flattened while its worker is killed: the fills are those of a replay with the same commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from marketdata import bus
from marketdata.recording.reading import recorded_frames
from portfolios.models import Balance, Command, Fill, Order, Position
from strategies.deployments.commands import flatten_deployment
from strategies.deployments.terms import terms_of
from strategies.league.files import load_league
from strategies.models import Deployment, DeploymentRevision
from strategies.versions.registry import strategy_of
from tests.leagues import CAPTURE, restless_league
from tests.processes import wait_until
from tests.season import feed, ledger_sums, market_is_worked_through, season_digest, worker
from trading.engine import Engine
from trading.engine.commands import begin_flattening
from trading.fills import digest
from trading.market import Market

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DEPLOYMENTS = len(restless_league().deployments)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture(autouse=True)
def league(transactional_db: None) -> Iterator[None]:
    bus.redis_client().flushall()
    load_league(restless_league(), by="test")
    yield
    bus.redis_client().flushall()


def replayed_with_the_commands() -> str:
    """Return the digest of a replay in which each command is given after the frame that is on record with it."""
    engines = []
    for row in Deployment.objects.order_by("slug"):
        found = strategy_of(row)
        paused = DeploymentRevision.objects.get(deployment=row, action="paused").sequence
        command = Command.objects.get(account=row.account)
        engines.append((Engine(found, found.config(row.config), terms_of(row, 0)), paused, command))
    market, fills = Market(), []
    for frame in recorded_frames(CAPTURE):
        market.fold(frame)
        for engine, paused, command in engines:
            made = engine.process(frame, market.snapshot()).fills
            fills += [(engine.terms.slug, fill) for fill in made]
            engine.is_paused = engine.is_paused or frame.sequence == paused
            if frame.sequence == command.began_sequence:
                begin_flattening(engine, command.key, command.requested_by)
    return digest(fills)


@pytest.mark.parametrize("killed_when", ["requested", "running"])
def test_a_worker_killed_around_a_flattening_closes_everything_once(log: Path, killed_when: str) -> None:
    with ExitStack() as stack:
        victim = stack.enter_context(worker(log))
        stack.enter_context(feed(log, speed=1))
        wait_until(lambda: Fill.objects.count() > 10, "some fills", log)
        for row in Deployment.objects.all():
            flatten_deployment(deployment=row, by="anna")
        if killed_when == "running":
            wait_until(lambda: Command.objects.exclude(state="requested").exists(), "a flattening begun", log)
        victim.kill()
        victim.wait()

        stack.enter_context(worker(log))
        wait_until(lambda: market_is_worked_through(DEPLOYMENTS), "every deployment at the last frame", log)

    assert list(Command.objects.values_list("state", flat=True)) == ["done"] * DEPLOYMENTS
    assert not Position.objects.exclude(qty=0).exists()
    assert not Order.objects.filter(status__in=["sent", "open"]).exists()
    assert Fill.objects.filter(signal_code="flatten").count() >= 3
    assert season_digest() == replayed_with_the_commands()
    assert {(b.account_id, b.currency): b.amount for b in Balance.objects.all()} == ledger_sums()
