"""Flatten now: asked by a person, carried out by the worker, once, whenever it dies."""

from __future__ import annotations

from decimal import Decimal as D
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction

from portfolios.models import Fill, Flattening, LedgerEntry, Order, Position
from portfolios.selectors import ledger_sums
from strategies.deployments.flattening import flatten_deployment
from strategies.deployments.services import enable_deployment, quarantine_deployment, reset_deployment, stop_entries
from strategies.models import Deployment, DeploymentEvent
from strategies.seasons import new_season
from strategies.worker.commands import begin_flattenings
from tests.working import MARKET, Work, around
from trading.signals import OrderType

pytestmark = pytest.mark.django_db


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.settle()
    return work


def ask(work: Work) -> Flattening:
    return flatten_deployment(deployment=Deployment.objects.get(), by="anna")


STALE = {"statuses": {"XRP/USD": "stale"}}


def carry_out(work: Work, frames: int = 6, **changes: object) -> None:
    """Let the worker take up what is asked, and show it frames."""
    begin_flattenings(work.runner)
    for _ in range(frames):
        work.show(**changes)


def status_of(work: Work) -> tuple[str, str]:
    row = Deployment.objects.get()
    return row.status, row.status_reason


def test_orders_go_and_positions_are_closed_and_it_stays_paused(work: Work) -> None:
    enable_deployment(deployment=Deployment.objects.get(), by="test")
    work.trade("buy", 2)
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=90)
    flattening = ask(work)

    carry_out(work)

    flattening.refresh_from_db()
    assert (flattening.state, flattening.orders, flattening.sentence) == ("done", 1, "")
    assert flattening.sequence is not None and flattening.done_sequence is not None
    assert flattening.sequence < flattening.done_sequence <= work.runner.sequence
    assert status_of(work) == ("paused", "flatten by anna")
    assert not Order.objects.filter(status__in=["open", "sent"]).exists()
    assert Position.objects.get().qty == 0
    fill = Fill.objects.latest("id")
    assert (fill.side, fill.reason, fill.signal_code) == ("sell", "flatten by anna", "flatten")
    assert fill.fee == fill.cost * D("0.004")
    assert "flattened, as anna had commanded, with 1 market order" in [e.summary for e in DeploymentEvent.objects.all()]


def test_a_short_is_bought_back_and_the_loan_paid(work: Work) -> None:
    work.trade("sell", 3, leverage=2)
    ask(work)

    carry_out(work)

    assert work.hosted.engine.account.state.loans == {}
    assert ledger_sums(work.account)["USD"] == work.hosted.engine.account.balance("USD")


def test_asked_twice_it_is_one_command(work: Work) -> None:
    work.trade("buy", 2)

    first, second = ask(work), ask(work)
    carry_out(work)

    assert first == second
    assert Fill.objects.filter(signal_code="flatten").count() == 1


def test_a_worker_killed_before_it_committed_leaves_it_asked_and_its_successor_does_it_once(work: Work) -> None:
    work.trade("buy", 2)
    flattening = ask(work)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        begin_flattenings(work.runner)
        raise KeyboardInterrupt  # before the commit: nothing of it is in the database
    flattening.refresh_from_db()
    asked = flattening.state

    work.dies()
    carry_out(work)

    flattening.refresh_from_db()
    assert (asked, flattening.state) == ("asked", "done")
    assert [f.qty for f in Fill.objects.filter(signal_code="flatten")] == [2]


@pytest.mark.parametrize("frames", range(5))
def test_a_worker_killed_at_any_frame_of_it_leaves_the_rest_to_its_successor(work: Work, frames: int) -> None:
    work.trade("buy", 2)
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=90)
    flattening = ask(work)
    carry_out(work, frames)

    work.dies()
    carry_out(work)
    work.dies()
    carry_out(work)

    flattening.refresh_from_db()
    assert flattening.state == "done"
    assert [f.qty for f in Fill.objects.filter(signal_code="flatten")] == [2]
    assert DeploymentEvent.objects.filter(event_id__endswith="flattened").count() == 1
    entries = LedgerEntry.objects.filter(party="account", currency="XRP")
    assert sum(entry.amount for entry in entries) == 0


def test_while_the_book_is_not_known_it_waits_and_says_so(work: Work) -> None:
    work.trade("buy", 2)
    flattening = ask(work)

    carry_out(work, **STALE)
    flattening.refresh_from_db()
    waiting = (flattening.state, flattening.sentence)
    carry_out(work)

    flattening.refresh_from_db()
    assert waiting == ("under_way", "XRP/USD is stale: its book is not known")
    assert (flattening.state, flattening.sentence) == ("done", "")


@pytest.mark.parametrize("change", [enable_deployment, stop_entries])
def test_who_lets_it_be_asked_again_ends_what_is_not_done(work: Work, change) -> None:
    work.trade("buy", 2)
    flattening = ask(work)
    carry_out(work, **STALE)

    change(deployment=Deployment.objects.get(), by="ben")
    work.runner.reload(Deployment.objects.select_related("account").get())
    work.settle()

    flattening.refresh_from_db()
    assert flattening.state == "withdrawn"
    assert "by ben" in flattening.sentence
    assert Position.objects.get().qty == 2


@pytest.mark.parametrize("close", ["reset", "season"])
def test_what_is_asked_of_an_account_that_is_closed_is_withdrawn(work: Work, close: str) -> None:
    flattening = ask(work)

    if close == "reset":
        reset_deployment(deployment=Deployment.objects.get(), by="test")
    else:
        new_season(market=MARKET, by="test")

    flattening.refresh_from_db()
    assert flattening.state == "withdrawn"
    assert "the account was closed" in flattening.sentence


def test_an_account_that_has_not_begun_is_flat_at_once() -> None:
    work = Work(funding_currency="XRP")
    work.show()  # without a book there is no price to fund it at
    flattening = ask(work)

    begin_flattenings(work.runner)

    flattening.refresh_from_db()
    assert (flattening.state, flattening.sentence) == ("done", "nothing was open: the account had not begun")


def test_what_harmed_its_worker_is_not_given_to_one(work: Work) -> None:
    quarantine_deployment(deployment_id=work.deployment.pk, reason="hung")

    with pytest.raises(ValidationError, match="is quarantined"):
        ask(work)


def test_shadows_are_flattened_with_their_deployment(work: Work) -> None:
    work.trade("buy", 2)
    work.hosted.shadows.arrange(work.hosted.engine, are_wanted=True)
    ask(work)

    carry_out(work)

    lots = [s.engine.account.position("XRP/USD").lots for s in work.hosted.shadows.running.values()]
    assert lots == [0, 0]


def test_the_command_asks_and_says_so(work: Work) -> None:
    out = StringIO()

    call_command("flatten", "a", stdout=out)

    assert Flattening.objects.get().by == "manage.py flatten"
    assert "of a is asked" in out.getvalue()


def test_the_command_can_stop_entries_alone(work: Work) -> None:
    call_command("flatten", "a", "--entries-only", stdout=StringIO())

    assert status_of(work)[0] == "entries_stopped"
    assert not Flattening.objects.exists()


def test_the_command_refuses_in_one_clear_line() -> None:
    with pytest.raises(CommandError, match="no deployment is called 'nobody'"):
        call_command("flatten", "nobody")
