"""Whose checkpoint, row or outcome cannot be written is quarantined as it was last written; all others are saved."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import DataError, OperationalError

from marketdata import bus
from portfolios.models import Checkpoint, Command, Fill, LedgerEntry, Order
from portfolios.rows.fitting import is_of_the_rows
from strategies.deployments import commands
from strategies.deployments.services import enable_deployment
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.worker import records
from strategies.worker.commands import apply_commands
from strategies.worker.hosting import Hosted
from strategies.worker.runner import Runner
from tests.neighbours import League
from tests.season import MARKET, host
from trading.frames import Frame
from trading.signals import NoSignal

pytestmark = pytest.mark.django_db


def enlarge_an_order(hosted: Hosted) -> None:
    hosted.engine.state.orders_sent_ns.append(2**70)


def enlarge_the_count(hosted: Hosted) -> None:
    hosted.engine.state.figures.fills = 2**40


def enlarge_the_fees(hosted: Hosted) -> None:
    hosted.engine.account.state.fees = Decimal("1e30")


def say_half_a_letter(hosted: Hosted) -> None:
    hosted.engine.state.refusal_rows_ns["\ud83d"] = 1


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (enlarge_an_order, "] is 1180591620717411303424: can't serialize ints"),
        (say_half_a_letter, "refusal_rows_ns"),
        (enlarge_the_count, "Standing.fills is 1099511627776; expected a whole number from 0 to 2147483647"),
        (enlarge_the_fees, "fees is 1E+30; expected a number of at most 18 digits before the point"),
    ],
)
def test_what_cannot_be_written_is_held_against_its_deployment_alone(
    league: League, stream: list[Frame], harm: Callable[[Hosted], None], reason: str
) -> None:
    league.work(stream[:60])
    before = Checkpoint.objects.get(account=league.culprit.account)
    facts = [set(model.objects.filter(account=league.culprit.account)) for model in (Fill, Order, LedgerEntry)]
    for frame in stream[60:80]:
        league.runner.process(frame)

    harm(league.runner.hosted[league.culprit.pk])
    league.work(stream[80:])

    assert league.culprit.status == DeploymentStatus.QUARANTINED
    assert league.culprit.status_reason.startswith("had a record that could not be written: ")
    assert reason in league.culprit.status_reason
    assert "Traceback" in DeploymentEvent.objects.get(kind="quarantined").detail
    assert Checkpoint.objects.get(account=league.culprit.account).payload == before.payload
    assert [set(m.objects.filter(account=league.culprit.account)) for m in (Fill, Order, LedgerEntry)] == facts
    assert league.runner.dropped == {league.culprit.pk}
    league.assert_the_neighbour_is_whole()


def test_once_enabled_again_it_goes_on_from_its_last_checkpoint(league: League, stream: list[Frame]) -> None:
    league.work(stream[:60])
    enlarge_an_order(league.runner.hosted[league.culprit.pk])
    league.work(stream[60:])

    enable_deployment(deployment=league.culprit, by="ann")
    successor = host(Runner(MARKET), [league.culprit])
    successor.process_all(stream)
    successor.flush(is_last=True)

    assert Deployment.objects.get(pk=league.culprit.pk).status == DeploymentStatus.ENABLED
    assert Checkpoint.objects.get(account=league.culprit.account).sequence == stream[-1].sequence


def test_what_only_the_database_finds_out_is_held_against_its_deployment_too(
    league: League, stream: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, record = league.culprit.account_id, records.record_rows

    def refusing(accounts: Any) -> None:
        record(accounts)
        if any(row.account_id == account_id for rows in accounts for row in rows.standings):
            raise DataError("numeric field overflow")

    monkeypatch.setattr(records, "record_rows", refusing)
    league.work(stream)

    assert league.culprit.status == DeploymentStatus.QUARANTINED
    assert league.culprit.status_reason.startswith(
        "had a record that could not be written: DataError: numeric field overflow"
    )
    league.assert_the_neighbour_is_whole()


def test_a_database_that_is_gone_is_nobodys_fault(
    league: League, stream: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(accounts: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(records, "record_rows", gone)

    with pytest.raises(OperationalError):
        league.work(stream[:20])
    assert not Deployment.objects.filter(status=DeploymentStatus.QUARANTINED).exists()


class Refused(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("kind", "sqlstate", "expected"),
    [
        (DataError, "22003", True),
        (OperationalError, "54000", True),
        (OperationalError, "57P01", False),
        (OperationalError, "53100", False),
        (DataError, "42P01", False),
        (ValueError, "", True),
    ],
)
def test_a_failed_statement_is_the_rows_fault_or_the_databases(
    kind: type[Exception], sqlstate: str, expected: bool
) -> None:
    error = kind("failed")
    error.__cause__ = Refused(sqlstate)

    assert is_of_the_rows(error) is expected


def test_a_command_that_cannot_be_worked_ends_rejected_and_harms_no_other_deployment(
    league: League, stream: list[Frame]
) -> None:
    league.work(stream[:60])
    for deployment in (league.culprit, league.neighbour):
        commands.request_payment(deployment=deployment, amount=Decimal(5), currency="USD", by="ann")
    league.runner.hosted[league.culprit.pk].engine.account.state.payments = None  # as if its account were damaged
    apply_commands(league.runner)
    league.work(stream[60:])

    states = dict(Command.objects.values_list("account__slug", "state"))

    assert states == {league.culprit.slug: "rejected", league.neighbour.slug: "done"}
    assert league.culprit.status == DeploymentStatus.QUARANTINED
    league.assert_the_neighbour_is_whole()


def test_a_shadow_that_cannot_be_taken_up_again_does_not_keep_its_deployment_from_being_taken_on(
    league: League, stream: list[Frame]
) -> None:
    hosted = league.give(lambda data, config, state: NoSignal("waiting"))
    hosted.shadow_choice = "on"
    league.runner.arrange_shadows(frozenset())
    league.work(stream[:60])
    shadow = league.culprit.account.shadows.first()
    shadow.checkpoint = bytes(Checkpoint.objects.get(account=league.culprit.account).payload)[:-1]
    shadow.save()

    successor = Runner(MARKET)
    refused = successor.host_all([league.culprit], partial(bus.read, MARKET))

    assert refused == []
    assert league.culprit.pk in successor.hosted
