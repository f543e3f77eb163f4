"""A season of shared liquidity with the real processes: one worker holds all, and another takes over when it dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from marketdata import bus
from portfolios.models import Checkpoint, Fill, Shadow
from portfolios.selectors import current_season
from strategies.league.files import load_league
from strategies.models import Worker
from tests.leagues import hungry_league
from tests.processes import wait_until
from tests.season import feed, market_is_worked_through, replayed, season_digest, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DEPLOYMENTS = len(hungry_league().deployments)


@pytest.fixture(autouse=True)
def _league(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PADDOCK_LIQUIDITY", "shared")
    bus.redis_client().flushall()
    load_league(hungry_league(), by="test")
    yield
    bus.redis_client().flushall()


def parent_of(worker: Worker) -> int:
    """Return the process id of the warden that has forked a worker, which is named after its own."""
    process_id = worker.name.rsplit("-", 2)[1]
    return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[1])


def test_one_worker_holds_all_who_share_and_another_takes_over_when_it_dies(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(log)) for _ in range(2)]
        wait_until(lambda: Worker.objects.count() == len(workers), "both workers", log)
        stack.enter_context(feed(log, speed=3))
        wait_until(lambda: Fill.objects.count() > 10, "some fills", log)
        held = sorted(Worker.objects.values_list("deployments", flat=True))
        holder = Worker.objects.get(deployments=DEPLOYMENTS)
        victim = next(warden for warden in workers if warden.pid == parent_of(holder))
        victim.kill()
        victim.wait()
        cut_at = Checkpoint.objects.order_by("-sequence").first().sequence
        wait_until(lambda: market_is_worked_through(DEPLOYMENTS), "every deployment at the last frame", log)

    assert held == [0, DEPLOYMENTS]
    assert cut_at < bus.latest_sequence(current_season().market)
    assert current_season().liquidity == "shared"
    assert season_digest() == replayed(hungry_league(), tmp_path, "--liquidity", "shared")["fills_sha256"]
    # Left to themselves, all of so small a league have shadows, from the first frame on.
    cursors = dict(Checkpoint.objects.values_list("account_id", "sequence"))
    assert {(s.account_id, s.sequence) for s in Shadow.objects.all()} == set(cursors.items())
    assert list(Shadow.objects.values_list("since_sequence", flat=True)) == [0] * 2 * DEPLOYMENTS
