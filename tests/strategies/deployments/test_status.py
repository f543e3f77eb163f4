"""A deployment's life: whatever commands come, each change of its status is one that the table allows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolios.models import Season
from strategies.deployments.commands import flatten_deployment
from strategies.deployments.services import (
    create_deployment,
    disable_deployment,
    enable_deployment,
    halt_deployment,
    pause_deployment,
    quarantine_deployment,
    stop_entries,
)
from strategies.deployments.status import DEPLOYMENT_TRANSITIONS
from strategies.models import Deployment, DeploymentRevision, DeploymentStatus
from tests.rows import open_season

numbers = count()
WORKERS = {
    "halt": lambda row: halt_deployment(deployment_id=row.pk, reason="errors"),
    "quarantine": lambda row: quarantine_deployment(deployment_id=row.pk, reason="hung"),
}
COMMANDS: dict[str, Callable[[Deployment], object]] = {
    "enable": lambda row: enable_deployment(deployment=row, by="anna"),
    "stop": lambda row: stop_entries(deployment=row, by="anna"),
    "pause": lambda row: pause_deployment(deployment=row, by="anna"),
    "disable": lambda row: disable_deployment(deployment=row, by="anna"),
    "flatten": lambda row: flatten_deployment(deployment=row, by="anna"),
    **WORKERS,
}


def new_row(status: str = "enabled") -> Deployment:
    name = f"a{next(numbers)}"
    row = create_deployment(by="test", slug=name, name=name, strategy="buy_and_hold")
    Deployment.objects.filter(pk=row.pk).update(status=status)
    row.refresh_from_db()
    return row


def test_every_status_is_in_the_table_and_can_be_left_for_every_other() -> None:
    reached = {status: {status} for status in DeploymentStatus}
    for _ in DeploymentStatus:
        for found in reached.values():
            found |= {then for now in found for then in DEPLOYMENT_TRANSITIONS[now]}

    assert set(DEPLOYMENT_TRANSITIONS) == set(DeploymentStatus)
    assert all(found == set(DeploymentStatus) for found in reached.values())


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(COMMANDS)), min_size=1, max_size=8))
def test_whatever_commands_come_each_change_is_in_the_table_and_an_illegal_one_changes_nothing(names) -> None:
    if not Season.objects.exists():
        open_season()
    row = new_row()
    for name in names:
        before = (DeploymentStatus(row.status), row.revision, DeploymentRevision.objects.filter(deployment=row).count())
        try:
            COMMANDS[name](row)
        except ValidationError as error:
            row.refresh_from_db()
            after = (row.status, row.revision, DeploymentRevision.objects.filter(deployment=row).count())
            assert after == before
            assert name not in WORKERS
            assert f"{row.slug} is {before[0].value}" in error.messages[0]
        row.refresh_from_db()
        now = DeploymentStatus(row.status)
        assert now is before[0] or now in DEPLOYMENT_TRANSITIONS[before[0]]


@pytest.mark.django_db
def test_a_quarantine_is_not_lifted_by_pausing() -> None:
    row = new_row("quarantined")

    with pytest.raises(ValidationError) as refused:
        pause_deployment(deployment=row, by="anna")

    assert refused.value.messages == [
        f"{row.slug} is quarantined and cannot become paused; it can become disabled, enabled; no worker takes it"
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["disabled", "quarantined"])
def test_errors_of_a_worker_do_not_bring_back_what_was_taken_from_it_meanwhile(status: str) -> None:
    row = new_row(status)

    halt_deployment(deployment_id=row.pk, reason="errors")

    row.refresh_from_db()
    assert (row.status, row.status_reason) == (status, "")
