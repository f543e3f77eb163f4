"""Strategies that misbehave beside strategies that do not, on a real worker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from marketdata import bus
from portfolios.models import Fill, Standing
from portfolios.selectors import current_season, fills_digest
from strategies.deployments.services import enable_deployment
from strategies.league.files import LeagueFile, load_league
from strategies.models import Deployment, DeploymentCost, DeploymentEvent, DeploymentStatus, Worker
from strategies.worker import leases
from tests.leagues import CAPTURE, restless_league, written
from tests.processes import running, wait_until
from trading.bounds import MOST_CODES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
CULPRITS = Path(__file__).parent / "culprits"

PAUSED = {  # deed -> how its errors are recorded
    "raise": "ZeroDivisionError: division by zero (<lambda>, line ",
    "raise a base exception": "GeneratorExit: enough (<genexpr>, line ",
    "exit politely": "SystemExit: good-bye (<lambda>, line ",
    "loop": "Interrupted: took longer than 400 ms (loop, line ",
    "sleep": "Interrupted: took longer than 400 ms (<lambda>, line ",
    "sleep in native code": "Interrupted: took longer than 400 ms (<lambda>, line ",
    "search with a bad pattern": "Interrupted: took longer than 400 ms (match, line ",
    "ask for too much at once": "MemoryError:  (<lambda>, line ",
}
QUARANTINED = {  # deed -> its reason, and what its details hold
    "loop through everything": ("hung at frame ", "in loop"),
    "hang in native code": ("hung at frame ", "in <lambda>"),
    "hoard": ("took ", "worker process "),
    "exit at once": ("ended its worker with exit code 0 ", "worker process "),
    "read nowhere": ("crashed its worker (SIGSEGV, in native code) ", "in string_at"),
}
HARMLESS = {  # deed -> what is counted of it
    "order more than there is": "refused_bad_number",
    "order for ever": "refused_bad_number",
    "say half a letter": "half \\ud83d",
    "say ever new things": "other",
    "keep sets as keys": "kept",
}
UNWRITABLE = {  # deed -> why it is quarantined
    "spoil its checkpoint": "had a record that could not be written: Unencodable: orders_sent_ns[",
    "spoil its figures": "had a record that could not be written: Unstorable: Standing.refusals is 1099511627776",
}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "STRATEGY_PATHS": str(CULPRITS),
        "PADDOCK_EVALUATION_BUDGET_MS": "400",
        "PADDOCK_HANG_LIMIT_MS": "1200",
        "PADDOCK_WORKER_MEMORY_MB": "320",
    }.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture(autouse=True)
def empty_stream(transactional_db: None) -> Iterator[None]:
    bus.redis_client().flushall()
    yield
    bus.redis_client().flushall()


def feed(log: Path, speed: float) -> object:
    return running("manage.py", "run_feed", "--source", f"recording:{CAPTURE}", "--speed", str(speed), log=log)


def slug_of(deed: str) -> str:
    return deed.replace(" ", "-")


def enter_culprits() -> None:
    for deed in [*PAUSED, *QUARANTINED]:
        # Those that end their worker do so one after the other, and before the slow ones.
        enter(deed, good=20 if deed in PAUSED else 2 + 2 * list(QUARANTINED).index(deed))


def enter(deed: str, good: int) -> None:
    # Written as rows: the web process of a test does not know the culprits' folder.
    config = {"deed": deed, "good_evaluations": good}
    Deployment.objects.create(slug=slug_of(deed), name=deed, strategy="culprit", config=config)


def row_of(deed: str) -> Deployment:
    return Deployment.objects.get(slug=slug_of(deed))


def all_are_dealt_with() -> bool:
    """Return whether the innocents have seen the last frame and no culprit is asked any more."""
    state = bus.feed_state()
    if not state or not state["finished"]:
        return False
    last = bus.latest_sequence(state["market"])
    innocents = current_season().accounts.exclude(deployment__strategy="culprit")
    evaluated = innocents.filter(standing__sequence__gte=last).count()
    return (
        evaluated == innocents.count() and not Deployment.objects.filter(strategy="culprit", status="enabled").exists()
    )


def replayed(league: LeagueFile, tmp_path: Path) -> dict[str, object]:
    out = StringIO()
    path = written(league, tmp_path / "league.toml")
    call_command("replay", str(CAPTURE), "--league", str(path), "--json", stdout=out)
    return json.loads(out.getvalue())


def test_no_culprit_harms_another_deployment_and_the_page_says_what_each_did(log: Path, tmp_path: Path) -> None:
    load_league(restless_league(), by="test")
    enter_culprits()

    with running("manage.py", "run_worker", log=log) as worker, feed(log, speed=4):
        wait_until(all_are_dealt_with, "every innocent at the last frame, every culprit out of the way", log)
        wait_until(lambda: DeploymentCost.objects.filter(deployment__slug="hold").exists(), "measured costs", log)
        wait_until(lambda: DeploymentCost.objects.get(deployment__slug="sleep").errors == 5, "counted errors", log)
        assert_each_was_dealt_with_by_its_deed()
        assert_a_reformed_culprit_catches_up(row_of("exit at once"), log)
        assert worker.poll() is None

    assert fills_digest(current_season()) == replayed(restless_league(), tmp_path)["fills_sha256"]
    assert Fill.objects.count() > 40
    assert leases.leased_deployments() == []


def assert_each_was_dealt_with_by_its_deed() -> None:
    for deed, error in PAUSED.items():
        assert row_of(deed).status == DeploymentStatus.PAUSED, deed
        assert row_of(deed).status_reason.startswith(f"paused after errors in a row: {error}")
        events = DeploymentEvent.objects.filter(deployment__slug=slug_of(deed), kind="error")
        assert events.count() == 5
        assert all("generate_signal" in event.detail for event in events)
    for deed, (reason, detail) in QUARANTINED.items():
        assert row_of(deed).status == DeploymentStatus.QUARANTINED, deed
        assert row_of(deed).status_reason.startswith(reason)
        event = DeploymentEvent.objects.get(deployment__slug=slug_of(deed), kind="quarantined")
        assert detail in event.detail
        assert_page_and_api_tell(row_of(deed))
    costs = {cost.deployment.slug: cost for cost in DeploymentCost.objects.select_related("deployment")}
    assert 0 < costs["hold"].mean_us <= costs["hold"].worst_us
    assert costs["sleep"].interruptions == 5


def assert_a_reformed_culprit_catches_up(row: Deployment, log: Path) -> None:
    Deployment.objects.filter(pk=row.pk).update(config={"deed": "nothing"})
    enable_deployment(deployment=row, by="test")

    last = bus.latest_sequence(current_season().market)
    wait_until(lambda: Standing.objects.filter(account=row.account, sequence__gte=last).exists(), "the culprit", log)
    assert not row.events.filter(kind="gap").exists()


def assert_page_and_api_tell(row: Deployment) -> None:
    page = Client().get(f"/deployments/{row.slug}").content.decode()
    answer = Client().get(f"/api/v1/deployments/{row.slug}/").json()

    assert f"quarantined: it {row.status_reason}" in unescape(page)
    assert "Not being processed" in page
    assert (answer["status"], answer["status_reason"]) == ("quarantined", row.status_reason)
    assert answer["standing"]["health"] == "quarantined"


def test_a_killed_warden_leaves_no_worker_behind_and_another_goes_on(log: Path, tmp_path: Path) -> None:
    load_league(restless_league(), by="test")
    with feed(log, speed=5):
        with running("manage.py", "run_worker", log=log) as warden:
            wait_until(lambda: Fill.objects.count() > 5, "some fills", log)
            process_id = int(Worker.objects.get().name.split("-")[-2])
            assert process_id != warden.pid
            warden.kill()
            warden.wait()
        wait_until(lambda: leases.living_workers() == [], "the worker's end", log)
        wait_until(lambda: not Path(f"/proc/{process_id}").exists(), "its process gone", log)

        with running("manage.py", "run_worker", log=log):
            wait_until(all_are_dealt_with, "every deployment at the last frame", log)

    assert fills_digest(current_season()) == replayed(restless_league(), tmp_path)["fills_sha256"]


def test_a_killed_worker_is_replaced_and_nobody_is_blamed(log: Path, tmp_path: Path) -> None:
    load_league(restless_league(), by="test")
    with running("manage.py", "run_worker", log=log), feed(log, speed=5):
        wait_until(lambda: Fill.objects.count() > 5, "some fills", log)
        os.kill(int(Worker.objects.get().name.split("-")[-2]), 9)
        wait_until(all_are_dealt_with, "every deployment at the last frame", log)

    assert fills_digest(current_season()) == replayed(restless_league(), tmp_path)["fills_sha256"]
    assert not Deployment.objects.exclude(status=DeploymentStatus.ENABLED).exists()


def test_what_nobody_can_store_is_refused_counted_or_quarantined_and_everybody_else_goes_on(
    log: Path, tmp_path: Path
) -> None:
    load_league(restless_league(2), by="test")
    for at, deed in enumerate([*HARMLESS, "keep a named tuple", *UNWRITABLE]):
        enter(deed, good=5 + at)

    with running("manage.py", "run_worker", log=log), feed(log, speed=4):
        wait_until(all_that_is_unwritable_is_quarantined, "every culprit out of the way", log)
        wait_until(all_others_are_at_the_last_frame, "everybody else at the last frame", log)
        wait_until(lambda: row_of("keep a named tuple").status == "paused", "the state refused", log)

    assert fills_digest(current_season()) == replayed(restless_league(2), tmp_path)["fills_sha256"]
    for deed, reason in UNWRITABLE.items():
        assert row_of(deed).status_reason.startswith(reason)
        assert_page_and_api_tell(row_of(deed))
    for deed, counted in HARMLESS.items():
        standing = Standing.objects.get(account=row_of(deed).account)
        assert (row_of(deed).status, standing.why[counted] > 0) == ("enabled", True), deed
        assert len(standing.why) <= MOST_CODES + 1
    error = "UnsavableState: state['kept']['levels'][0] is a Level (derived from tuple); expected tuple(...) of it"
    assert error in row_of("keep a named tuple").status_reason


def test_who_ends_the_worker_outside_of_its_own_turn_is_found_by_doing_without(log: Path, tmp_path: Path) -> None:
    load_league(restless_league(2), by="test")
    enter("spoil the worker", good=5)

    with running("manage.py", "run_worker", log=log), feed(log, speed=4):
        wait_until(lambda: row_of("spoil the worker").status == "quarantined", "the culprit found", log)
        wait_until(all_others_are_at_the_last_frame, "everybody else at the last frame", log)

    assert fills_digest(current_season()) == replayed(restless_league(2), tmp_path)["fills_sha256"]
    reason = "ended its worker (exit code 1) each time, and workers live without it"
    assert row_of("spoil the worker").status_reason == reason
    assert Deployment.objects.filter(status=DeploymentStatus.QUARANTINED).count() == 1


def all_that_is_unwritable_is_quarantined() -> bool:
    slugs = [slug_of(deed) for deed in UNWRITABLE]
    return Deployment.objects.filter(slug__in=slugs, status=DeploymentStatus.QUARANTINED).count() == len(slugs)


def all_others_are_at_the_last_frame() -> bool:
    state = bus.feed_state()
    if not state or not state["finished"]:
        return False
    others = current_season().accounts.exclude(deployment__status=DeploymentStatus.QUARANTINED)
    at_the_end = others.filter(standing__sequence__gte=bus.latest_sequence(state["market"]))
    return at_the_end.count() == others.count()
