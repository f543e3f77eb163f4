"""Entries stopped by a person, and other revisions that a worker applies after a frame that is on record."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from portfolios.models import Command, Order
from strategies.deployments.services import (
    disable_deployment,
    enable_deployment,
    pause_deployment,
    quarantine_deployment,
    stop_entries,
)
from strategies.league.board import Health, contestant_named
from strategies.models import Deployment, DeploymentRevision, DeploymentStatus
from tests.rows import enter, feed, quote
from tests.working import Work, around
from trading.engine.outcome import Outcome
from trading.signals import OrderType, Signal

pytestmark = pytest.mark.django_db


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.settle()
    return work


def row() -> Deployment:
    return Deployment.objects.select_related("account").get()


def stop(work: Work, reason: str = "") -> None:
    stop_entries(deployment=row(), by="anna", reason=reason)
    work.runner.reload(row())
    work.show()


def wants(work: Work, signal: Signal) -> None:
    """Have the strategy return this, as it might when evaluated."""
    engine, snapshot = work.hosted.engine, work.runner.market.snapshot()
    outcome = Outcome(engine.sequence, snapshot.time_ns)
    engine.desk.place(signal, 9, snapshot, outcome)
    work.hosted.note(outcome)
    work.runner.flush()


def test_it_is_evaluated_as_before_and_what_would_open_is_rejected(work: Work) -> None:
    stop(work, reason="news at noon")

    wants(work, Signal.buy("XRP/USD", 50))

    order = Order.objects.latest("id")
    assert (order.status, order.code) == ("refused", "entries_stopped")
    assert (row().status, row().status_reason) == ("entries_stopped", "news at noon")
    assert not work.hosted.engine.is_paused


def test_what_reduces_is_taken(work: Work) -> None:
    work.trade("buy", 2)
    stop(work)

    wants(work, Signal.sell("XRP/USD"))

    assert Order.objects.latest("id").status == "sent"


def test_entries_that_rest_are_cancelled(work: Work) -> None:
    work.trade("buy", 2, type=OrderType.LIMIT, limit_ticks=90)
    stop(work)

    for _ in range(4):
        work.show()

    assert Order.objects.get(type="limit").code == "cancelled"


def test_enabling_allows_entries_again(work: Work) -> None:
    stop(work)
    enable_deployment(deployment=row(), by="anna")
    work.runner.reload(row())

    assert not work.hosted.engine.are_entries_stopped
    assert row().status == "enabled"


def test_a_new_worker_goes_on_so(work: Work) -> None:
    stop(work)

    work.dies()

    assert work.hosted.engine.are_entries_stopped


def test_shadows_open_nothing_either(work: Work) -> None:
    work.hosted.shadows.arrange(work.hosted.engine, are_wanted=True)
    stop(work)

    assert all(s.engine.are_entries_stopped for s in work.hosted.shadows.running.values())


@pytest.mark.parametrize("change", [disable_deployment, quarantine_deployment])
def test_what_no_worker_takes_stays_so(work: Work, change) -> None:
    if change is disable_deployment:
        change(deployment=row(), by="test")
    else:
        change(deployment_id=row().pk, reason="hung")

    with pytest.raises(ValidationError, match="no worker takes it"):
        stop_entries(deployment=row(), by="anna")


def test_the_page_and_the_league_say_so(work: Work) -> None:
    stop(work, reason="news")
    state = feed(symbols={"XRP/USD": quote("99", "101"), "BTC/USD": quote("1", "2")})

    contestant = contestant_named("a", work.season, state)

    assert contestant.health is Health.ENTRIES_STOPPED
    assert contestant.health_reason == "entries are stopped: news; exits, stops and targets keep working"


def test_every_change_is_on_record_with_the_frame_after_which_it_was_applied(work: Work) -> None:
    before = work.runner.sequence
    pause_deployment(deployment=row(), by="anna", reason="lunch")
    requested = DeploymentRevision.objects.first().sequence

    work.runner.reload(row())
    work.show()
    work.show()

    applied = DeploymentRevision.objects.first()
    assert (requested, applied.sequence, applied.note) == (None, before, "")
    assert row().status == DeploymentStatus.PAUSED


def test_a_change_that_a_killed_worker_had_not_committed_is_applied_anew(work: Work) -> None:
    stop_entries(deployment=row(), by="anna")
    work.runner.reload(row())

    work.dies()
    work.show()

    applied = DeploymentRevision.objects.first()
    assert applied.sequence is not None and applied.sequence <= work.runner.sequence
    assert work.hosted.engine.are_entries_stopped


def test_it_is_a_command_that_is_done_with_the_frame_after_which_it_was_applied(work: Work) -> None:
    work.trade("buy", 2, type=OrderType.LIMIT, limit_ticks=90)
    stop_entries(deployment=row(), by="anna", reason="news")

    changed = work.apply()
    work.dies()

    command = Command.objects.get()
    assert changed == {"a"}
    assert (command.kind, command.requested_by, command.state) == ("stop_entries", "anna", "done")
    assert command.began_sequence == command.ended_sequence == work.hosted.engine.sequence
    assert work.hosted.engine.are_entries_stopped
    for _ in range(4):
        work.show()
    assert Order.objects.get(type="limit").code == "cancelled"


def test_allowing_them_again_is_a_command_too(work: Work) -> None:
    stop(work)
    work.apply()
    enable_deployment(deployment=row(), by="ben")

    work.apply()

    assert [(c.kind, c.state) for c in Command.objects.order_by("pk")] == [
        ("stop_entries", "done"),
        ("allow_entries", "done"),
    ]
    assert not work.hosted.engine.are_entries_stopped


def test_what_a_later_request_overtakes_cancels_nothing(work: Work) -> None:
    work.trade("buy", 2, type=OrderType.LIMIT, limit_ticks=90)
    stop_entries(deployment=row(), by="anna")
    enable_deployment(deployment=row(), by="ben")

    work.apply()
    for _ in range(4):
        work.show()

    assert [(c.state, c.message) for c in Command.objects.order_by("pk")] == [
        ("withdrawn", "enabled by ben"),
        ("done", ""),
    ]
    assert Order.objects.get(type="limit").status == "open"


def test_a_deployment_without_an_account_has_the_status_alone() -> None:
    entered = enter(None, "b")

    stop_entries(deployment=entered, by="anna")

    assert Deployment.objects.get().status == "entries_stopped"
    assert not Command.objects.exists()
