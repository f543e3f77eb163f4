"""Flatten now: requested by a person, carried out by the worker, once, whenever it dies."""

from __future__ import annotations

from decimal import Decimal as D
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction

from portfolios.models import Command, Fill, LedgerEntry, Order, Position
from portfolios.selectors import ledger_sums
from strategies.deployments.commands import flatten_deployment
from strategies.deployments.services import enable_deployment, quarantine_deployment, reset_deployment, stop_entries
from strategies.models import Deployment, DeploymentEvent
from strategies.seasons import new_season
from tests.working import MARKET, Work, around
from trading.signals import OrderType

pytestmark = pytest.mark.django_db


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.settle()
    return work


def request(work: Work) -> Command:
    return flatten_deployment(deployment=Deployment.objects.get(), by="anna")


STALE = {"statuses": {"XRP/USD": "stale"}}


def carry_out(work: Work, frames: int = 6, **changes: object) -> None:
    """Let the worker apply what is requested, and show it frames."""
    work.apply()
    for _ in range(frames):
        work.show(**changes)


def status_of(work: Work) -> tuple[str, str]:
    row = Deployment.objects.get()
    return row.status, row.status_reason


def test_orders_go_and_positions_are_closed_and_it_stays_paused(work: Work) -> None:
    enable_deployment(deployment=Deployment.objects.get(), by="test")
    work.trade("buy", 2)
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=90)
    command = request(work)

    carry_out(work)

    command.refresh_from_db()
    assert (command.state, command.result, command.message) == ("done", {"orders": 1}, "")
    assert command.began_sequence is not None and command.ended_sequence is not None
    assert command.began_sequence < command.ended_sequence <= work.runner.sequence
    assert status_of(work) == ("paused", "flatten by anna")
    assert not Order.objects.filter(status__in=["open", "sent"]).exists()
    assert Position.objects.get().qty == 0
    fill = Fill.objects.latest("id")
    assert (fill.side, fill.reason, fill.signal_code) == ("sell", "flatten by anna", "flatten")
    assert fill.fee == fill.cost * D("0.004")
    assert "flattened, as anna had commanded, with 1 market order" in [e.summary for e in DeploymentEvent.objects.all()]


def test_a_short_is_bought_back_and_the_loan_paid(work: Work) -> None:
    work.trade("sell", 3, leverage=2)
    request(work)

    carry_out(work)

    assert work.hosted.engine.account.state.loans == {}
    assert ledger_sums(work.account)["USD"] == work.hosted.engine.account.balance("USD")


def test_requested_twice_it_is_one_command(work: Work) -> None:
    work.trade("buy", 2)

    first, second = request(work), request(work)
    carry_out(work)

    assert first == second
    assert Fill.objects.filter(signal_code="flatten").count() == 1


def test_a_worker_killed_before_it_committed_leaves_it_requested_and_its_successor_does_it_once(work: Work) -> None:
    work.trade("buy", 2)
    command = request(work)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        work.apply()
        raise KeyboardInterrupt  # before the commit: nothing of it is in the database
    command.refresh_from_db()
    requested = command.state

    work.dies()
    carry_out(work)

    command.refresh_from_db()
    assert (requested, command.state) == ("requested", "done")
    assert [f.qty for f in Fill.objects.filter(signal_code="flatten")] == [2]


@pytest.mark.parametrize("frames", range(5))
def test_a_worker_killed_at_any_frame_of_it_leaves_the_rest_to_its_successor(work: Work, frames: int) -> None:
    work.trade("buy", 2)
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=90)
    command = request(work)
    carry_out(work, frames)

    work.dies()
    carry_out(work)
    work.dies()
    carry_out(work)

    command.refresh_from_db()
    assert command.state == "done"
    assert [f.qty for f in Fill.objects.filter(signal_code="flatten")] == [2]
    assert DeploymentEvent.objects.filter(event_id__endswith="flattened").count() == 1
    entries = LedgerEntry.objects.filter(party="account", currency="XRP")
    assert sum(entry.amount for entry in entries) == 0


def test_while_the_book_is_not_known_it_waits_and_says_so(work: Work) -> None:
    work.trade("buy", 2)
    command = request(work)

    carry_out(work, **STALE)
    command.refresh_from_db()
    waiting = (command.state, command.message)
    carry_out(work)

    command.refresh_from_db()
    assert waiting == ("running", "XRP/USD is stale: its book is not known")
    assert (command.state, command.message) == ("done", "")


@pytest.mark.parametrize("change", [enable_deployment, stop_entries])
def test_who_lets_it_trade_again_ends_what_is_not_done(work: Work, change) -> None:
    work.trade("buy", 2)
    command = request(work)
    carry_out(work, **STALE)

    change(deployment=Deployment.objects.get(), by="ben")
    work.runner.reload(Deployment.objects.select_related("account").get())
    work.settle()

    command.refresh_from_db()
    assert command.state == "withdrawn"
    assert "by ben" in command.message
    assert Position.objects.get().qty == 2


@pytest.mark.parametrize("close", ["reset", "season"])
def test_what_is_requested_of_an_account_that_is_closed_is_withdrawn(work: Work, close: str) -> None:
    command = request(work)

    if close == "reset":
        reset_deployment(deployment=Deployment.objects.get(), by="test")
    else:
        new_season(market=MARKET, by="test")

    command.refresh_from_db()
    assert command.state == "withdrawn"
    assert "the account was closed" in command.message


def test_an_account_that_has_not_begun_is_flat_at_once() -> None:
    work = Work(funding_currency="XRP")
    work.show()  # without a book there is no price to fund it at
    command = request(work)

    work.apply()

    command.refresh_from_db()
    assert (command.state, command.message) == ("done", "nothing was open: the account had not begun")


def test_what_harmed_its_worker_is_not_given_to_one(work: Work) -> None:
    quarantine_deployment(deployment_id=work.deployment.pk, reason="hung")

    with pytest.raises(ValidationError, match="is quarantined"):
        request(work)


def test_shadows_are_flattened_with_their_deployment(work: Work) -> None:
    work.trade("buy", 2)
    work.hosted.shadows.arrange(work.hosted.engine, are_wanted=True)
    request(work)

    carry_out(work)

    lots = [s.engine.account.position("XRP/USD").lots for s in work.hosted.shadows.running.values()]
    assert lots == [0, 0]


def test_the_command_line_requests_it_and_says_so(work: Work) -> None:
    out = StringIO()

    call_command("flatten", "a", stdout=out)

    assert Command.objects.get().requested_by == "manage.py flatten"
    assert "flatten of a requested" in out.getvalue()


def test_the_command_can_stop_entries_alone(work: Work) -> None:
    call_command("flatten", "a", "--entries-only", stdout=StringIO())

    assert status_of(work)[0] == "entries_stopped"
    assert [c.kind for c in Command.objects.all()] == ["stop_entries"]


def test_the_command_line_says_what_is_wrong_in_one_line() -> None:
    with pytest.raises(CommandError, match="no deployment is called 'nobody'"):
        call_command("flatten", "nobody")


def test_one_that_ran_before_there_was_one_queue_is_finished_once_under_its_old_name(work: Work) -> None:
    work.trade("buy", 2)
    command = request(work)
    Command.objects.update(legacy_key="flatten-7")
    carry_out(work, 1)
    running = work.hosted.engine.state.flattening

    work.dies()
    carry_out(work)

    command.refresh_from_db()
    assert running is not None and running.command_id == "flatten-7"
    assert (command.state, command.result) == ("done", {"orders": 1})
    assert Fill.objects.filter(signal_code="flatten").count() == 1
