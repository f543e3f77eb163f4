"""What trades goes on while its files are edited and broken, with real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from marketdata import bus
from portfolios.models import Fill
from strategies.deployments.challengers import enter_challenger
from strategies.deployments.services import create_deployment
from strategies.models import Deployment, StrategyVersion
from strategies.versions import registry
from tests.flipping import write_flipper
from tests.processes import running, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object) -> Iterator[Path]:
    bus.redis_client().flushall()
    monkeypatch.setenv("STRATEGY_PATHS", str(tmp_path))
    settings.STRATEGY_PATHS = [tmp_path]
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 0)
    registry.rescan()
    yield tmp_path
    bus.redis_client().flushall()
    registry.rescan()


def test_an_edited_a_broken_and_a_lost_version_leave_what_trades_alone(folder: Path) -> None:
    write_flipper(folder)
    champion = create_deployment(by="test", slug="flip", name="Flip", strategy="flipper", config={"every": 3})
    log = folder / "log"

    with ExitStack() as stack:
        stack.enter_context(running("manage.py", "run_feed", "--source", "simulated", log=log))
        with running("manage.py", "run_worker", log=log):
            wait_until(fills_of("flip"), "a fill of the first version", log)
            write_flipper(folder, "2.0.0", size=30)
            wait_until(StrategyVersion.objects.filter(version="2.0.0").exists, "the edit to be noticed", log)
            registry.refresh()
            enter_challenger(deployment=champion, by="test")
            wait_until(fills_of("flip-2"), "a fill of the second version", log)
        create_deployment(by="test", slug="lost", name="Lost", strategy="flipper")
        Deployment.objects.filter(slug="lost").update(strategy_hash="ab12cd34" * 8)
        (folder / "flipper.py").write_text("def broken(:\n")
        seen = Fill.objects.latest("id").pk
        with running("manage.py", "run_worker", log=log):
            wait_until(fills_of("flip", seen), "more fills of the first version", log)
            wait_until(fills_of("flip-2", seen), "more fills of the second version", log)

    (refusal,) = (line for line in log.read_text().splitlines() if "does not take a deployment on" in line)
    assert "version ab12cd34 of flipper is not in its folder" in refusal
    assert "deployment=lost" in refusal.split()
    assert reported("flip") == {"1.0.0 with 20"}
    assert reported("flip-2") == {"2.0.0 with 30"}


def fills_of(slug: str, after: int = 0) -> Callable[[], bool]:
    """Return the question whether ``slug`` has a fill whose id is above ``after``."""
    return Fill.objects.filter(account__slug=slug, id__gt=after).exists


def reported(slug: str) -> set[str]:
    reasons = Fill.objects.filter(account__slug=slug).values_list("reason", flat=True)
    return {reason.partition(" after ")[0] for reason in reasons}
