"""Adding fee schedules to those that are published, and withdrawing what nobody was charged by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from portfolios.audit import note_change
from portfolios.fees import Row, known_schedules, schedule_from, tiers_as_stored
from portfolios.models import Account, FeeSchedule
from strategies.models import Deployment, DeploymentRevision
from strategies.services import reload_deployment


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
    if followers and valid_from <= _today():
        who = f"{followers[0]} has been charged by {added.family}"
        raise ValidationError({"valid_from": f"valid_from is {valid_from}; {who} until today: expected a later day"})
    return followers


@transaction.atomic
def withdraw_fee_schedule(*, schedule: FeeSchedule, by: str) -> None:
    """Remove a table that nobody was or is charged by.

    Raises:
        ValidationError: an account was, or a deployment is; it says which.
    """
    family = schedule_from(schedule.name, schedule.valid_from, schedule.tiers).family
    has_begun = schedule.valid_from <= _today()
    charged = [schedule.name, family] if has_begun else [schedule.name]
    if users := _charged(charged):
        raise ValidationError(f"fee schedule {schedule.name} stays: {users[0]} was charged by it, and fills name it")
    followers = list(Deployment.objects.select_for_update().filter(fee_schedule=family))
    if followers and not any(other.family == family for other in known_schedules() if other.name != schedule.name):
        raise ValidationError(
            f"fee schedule {schedule.name} stays: {followers[0]} follows {family}, which has no other schedule"
        )
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


def _today() -> date:
    return datetime.now(UTC).date()


def _sentence(row: FeeSchedule) -> str:
    rows = ", ".join(f"from {volume} USD {taker} % / {maker} %" for volume, taker, maker in row.tiers)
    return f"from {row.valid_from} on, taker / maker: {rows}"
