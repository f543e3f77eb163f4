"""Adding fee schedules to those that are published, and withdrawing what nobody was charged by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from portfolios.audit import note_change
from portfolios.fees import Row, known_schedules, schedule_from, schedule_of, tiers_as_stored
from portfolios.models import Account, FeeSchedule
from strategies.deployments.services import reload_deployment
from strategies.models import Deployment, DeploymentRevision
from trading.fees import Schedules


@transaction.atomic
def add_fee_schedule(*, name: str, valid_from: date, tiers: Sequence[Row], by: str, reference: str = "") -> FeeSchedule:
    """Add a table; who follows its family is charged by it from ``valid_from`` on.

    ``tiers`` are rows of USD traded in thirty days, taker % and maker %.

    Raises:
        ValidationError: per field.
    """
    followers = check_fee_schedule(name=name, valid_from=valid_from, tiers=tiers)
    row = FeeSchedule(
        name=name, valid_from=valid_from, tiers=tiers_as_stored(tiers), reference=reference.strip(), by=by
    )
    row.full_clean()
    row.save()
    note_change(by=by, kind="fee schedule", subject=name, action="added", sentence=_sentence(row))
    for deployment in followers:
        reload_deployment(deployment=deployment, by=by, action="fees", note=f"{name} applies from {valid_from} on")
    return row


@transaction.atomic
def check_fee_schedule(*, name: str, valid_from: date, tiers: Sequence[Row]) -> list[Deployment]:
    """Check a table that shall be added; return the deployments that follow its family, locked.

    Raises:
        ValidationError: per field; a name that is taken, a day that is past for those who follow the family.
    """
    added, known = schedule_from(name, valid_from, tiers), known_schedules()
    if name in known:
        raise ValidationError({"name": f"{name} is known already, and a name stands for one table for ever"})
    twin = next((each.name for each in known if (each.family, each.valid_from) == (added.family, valid_from)), None)
    if twin is not None:
        raise ValidationError({"valid_from": f"{twin} is of the same family and valid from {valid_from}, too"})
    followers = list(Deployment.objects.select_for_update().filter(fee_schedule=added.family))
    if followers and valid_from <= (settled := _settled_until(added.family, known)):
        expected = f"{followers[0]} follows {added.family}: expected a day after {settled}"
        raise ValidationError({"valid_from": f"valid_from is {valid_from}; {expected}"})
    return followers


@transaction.atomic
def withdraw_fee_schedule(*, schedule: FeeSchedule, by: str) -> None:
    """Remove a table that nobody was or is charged by.

    Raises:
        ValidationError: an account was, or a deployment is; it says which.
    """
    family, known = schedule_of(schedule).family, known_schedules()
    has_begun = schedule.valid_from <= _settled_until(family, known)
    if users := _charged([schedule.name, family] if has_begun else [schedule.name]):
        raise ValidationError(f"fee schedule {schedule.name} stays: {users[0]} was charged by it, and fills name it")
    followers = list(Deployment.objects.select_for_update().filter(fee_schedule=family))
    note_change(by=by, kind="fee schedule", subject=schedule.name, action="withdrawn", sentence=_sentence(schedule))
    schedule.delete()
    for deployment in followers:
        reload_deployment(deployment=deployment, by=by, action="fees", note=f"{schedule.name} was withdrawn")


def _charged(names: Sequence[str]) -> list[str]:
    """Return the slugs of deployments that are, or at some time were, charged by one of ``names``."""
    now = Deployment.objects.filter(fee_schedule__in=names).values_list("slug", flat=True)
    once = DeploymentRevision.objects.filter(settings__fee_schedule__in=names)
    accounts = Account.objects.filter(fee_schedule__in=names).values_list("slug", flat=True)
    return sorted({*now, *accounts, *once.values_list("deployment__slug", flat=True)})


def _settled_until(family: str, known: Schedules) -> date:
    """Return the last day that a family's schedules have settled: today, or where they all lie ahead the first's.

    Before its first schedule is in force a family charges by that one.
    """
    today = datetime.now(UTC).date()
    days = [schedule.valid_from for schedule in known if schedule.family == family]
    return max(today, min(days, default=today))


def _sentence(row: FeeSchedule) -> str:
    rows = ", ".join(f"from {volume} USD {taker} % / {maker} %" for volume, taker, maker in row.tiers)
    return f"from {row.valid_from} on, taker / maker: {rows}"
