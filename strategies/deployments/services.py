"""Changing who trades. Every change is a revision of the deployment, which its worker sees within a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from portfolios.commands.arguments import AllowEntries, Arguments, StopEntries
from portfolios.commands.queue import ENTRY_KINDS, request_command, withdraw_commands
from portfolios.models import Account, CommandKind, Season
from strategies.deployments.events import event_of, record_events
from strategies.deployments.revisions import changes_between, record_change, record_creation, revision_of, settings_now
from strategies.deployments.status import NOT_HOSTED, change_status
from strategies.deployments.terms import TERMS, check_deployment, check_values
from strategies.models import Deployment, DeploymentStatus, StrategyVersion
from strategies.seasons import open_account
from strategies.versions import kept, registry
from strategies.versions.registry import strategy_of

_CHANGEABLE = frozenset({"name", "strategy", "strategy_hash", *TERMS})
_RECORDED = _CHANGEABLE | {"status", "status_reason"}


def fields_of(deployment: Deployment) -> dict[str, Any]:
    """Return what can be changed of a deployment, by field: what a copy is created with."""
    return {name: getattr(deployment, name) for name in _CHANGEABLE}


def note_versions() -> None:
    """Find edited strategies and keep their new versions. Cheap: made to be called every second."""
    registry.refresh()
    kept.keep(registry.found().values())


@transaction.atomic
def create_deployment(*, by: str, note: str = "", **fields: Any) -> Deployment:
    """Enter a strategy in the league, in its present version unless another is named.

    It gets its account when a season runs.

    Raises:
        ValidationError: per field.
    """
    deployment = Deployment(**fields)
    check_values(deployment)
    deployment.full_clean(exclude=["account"])
    check_deployment(deployment)
    _pin(deployment)
    deployment.save()
    record_creation(deployment, settings_now(deployment, _RECORDED), by=by, note=note)
    _note(deployment, "config", f"created by {by}" + (f": {note}" if note else ""))
    season = Season.objects.filter(ended_at=None).first()
    if season is not None:
        open_account(deployment=deployment, season=season)
    return deployment


@transaction.atomic
def change_deployment(
    *, deployment: Deployment, by: str, action: str = "changed", note: str = "", **changes: Any
) -> Deployment:
    """Change a deployment; its account and record go on. Another version starts with an empty state.

    Raises:
        ValidationError: per field, or a field that cannot be changed.
    """
    unknown = set(changes) - _CHANGEABLE
    if unknown:
        raise ValidationError(f"{', '.join(sorted(unknown))} cannot be changed; {', '.join(sorted(_CHANGEABLE))} can")
    before = _begun(deployment)
    if changes.get("strategy", deployment.strategy) != deployment.strategy:
        changes = {"strategy_hash": "", **changes}  # another strategy is traded as it is now
    for name, value in changes.items():
        setattr(deployment, name, value)
    check_values(deployment)
    deployment.full_clean(exclude=["account"])
    check_deployment(deployment)
    _pin(deployment)
    after = settings_now(deployment, _RECORDED)
    if after == before:
        return deployment
    _save(deployment)
    keys = [change.key for change in record_change(deployment, before, after, by=by, action=action, note=note)]
    _note(deployment, "config", " ".join(filter(None, [action, note, f"by {by}: {', '.join(keys)}"])))
    if before["strategy_hash"] not in {"", after["strategy_hash"]}:
        _note(deployment, "version", _switch_sentence(before, after))
    return deployment


def _switch_sentence(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    rows = StrategyVersion.objects.in_bulk([before["strategy_hash"], after["strategy_hash"]], field_name="hash")
    old, new = (rows.get(side["strategy_hash"], side["strategy_hash"][:8]) for side in (before, after))
    return f"{new} replaces {old}: the strategy's state is reset; positions and orders stay"


def roll_back(*, deployment: Deployment, number: int, by: str) -> Deployment:
    """Make a deployment what it was as of revision ``number``, its version included; whether it is enabled stays.

    Raises:
        UnknownRevision: there is no such revision.
        ValidationError: it is so already, or what was right then is not valid any more.
    """
    revision = revision_of(deployment, number)
    settings = {name: value for name, value in revision.settings.items() if name in _CHANGEABLE}
    if not settings.get("strategy_hash"):
        settings.pop("strategy_hash", None)  # from before versions were kept
    if not changes_between(settings_now(deployment, settings), settings):
        raise ValidationError(f"{deployment.slug} is as it was as of revision {number}: there is nothing to roll back")
    return change_deployment(
        deployment=deployment, by=by, action="rolled back", note=f"to revision {number}", **settings
    )


@transaction.atomic
def pin_deployment(*, deployment: Deployment, by: str) -> None:
    """Tie a deployment from before versions were kept to the present one.

    Raises:
        UnknownStrategy: there is none.
    """
    before = _begun(deployment)
    if not deployment.strategy_hash:
        _pin(deployment)
        _save(deployment)
        record_change(deployment, before, settings_now(deployment, _RECORDED), by=by, action="pinned")


@transaction.atomic
def reload_deployment(*, deployment: Deployment, by: str, action: str, note: str) -> None:
    """Have its worker reload a deployment: what its settings name has changed, its settings have not."""
    settings = _begun(deployment)
    _save(deployment)
    record_change(deployment, settings, settings, by=by, action=action, note=note)
    _note(deployment, "config", f"{note}; by {by}")


@transaction.atomic
def enable_deployment(*, deployment: Deployment, by: str) -> None:
    """Evaluate the strategy again, also after errors had paused it; a flatten that is not done ends."""
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update())
    were_stopped = deployment.status == DeploymentStatus.ENTRIES_STOPPED
    set_status(deployment, DeploymentStatus.ENABLED, "resumed", f"enabled by {by}", by=by)
    _withdraw(deployment, f"enabled by {by}", [CommandKind.FLATTEN])
    if were_stopped:
        _request(deployment, AllowEntries(), by=by)


@transaction.atomic
def stop_entries(*, deployment: Deployment, by: str, reason: str = "") -> None:
    """Evaluate the strategy as before, but let it open and enlarge nothing; entries that rest are cancelled.

    Exits, stops and whatever reduces a position go on. A flatten that is not done ends.

    Raises:
        ValidationError: no worker runs it, so it opens nothing anyway.
    """
    summary = f"entries stopped by {by}" + (f": {reason}" if reason else "")
    set_status(deployment, DeploymentStatus.ENTRIES_STOPPED, "stopped", summary, by=by, reason=reason)
    _withdraw(deployment, summary, [CommandKind.FLATTEN])
    _request(deployment, StopEntries(), by=by, note=reason)


def pause_deployment(*, deployment: Deployment, by: str, reason: str = "") -> None:
    """Ask for no new signals; open orders and stops stay active.

    Raises:
        ValidationError: it is quarantined, which only enabling ends.
    """
    summary = f"paused by {by}" + (f": {reason}" if reason else "")
    set_status(deployment, DeploymentStatus.PAUSED, "paused", summary, by=by, reason=reason)


def disable_deployment(*, deployment: Deployment, by: str) -> None:
    """Have no worker run the deployment; its account stays as it is."""
    set_status(deployment, DeploymentStatus.DISABLED, "disabled", f"disabled by {by}", by=by)


@transaction.atomic
def halt_deployment(*, deployment_id: int, reason: str) -> None:
    """Pause what errors have halted; the errors themselves are on record as events.

    One that was taken out of the workers' hands meanwhile stays so.
    """
    deployment = Deployment.objects.get(pk=deployment_id)
    before = _begun(deployment)
    if deployment.status in NOT_HOSTED:
        return
    change_status(deployment, DeploymentStatus.PAUSED, reason)
    after = settings_now(deployment, _RECORDED)
    if after != before:
        _save(deployment)
        record_change(deployment, before, after, by="worker", action="paused")


@transaction.atomic
def quarantine_deployment(*, deployment_id: int, reason: str, detail: str = "") -> None:
    """Have no worker run a deployment that harms its worker, until a person enables it.

    Its open orders stay as they are and are matched by nobody. Safe to repeat: the first reason stays.
    """
    deployment = Deployment.objects.select_for_update().filter(pk=deployment_id).first()
    if deployment is not None and deployment.status != DeploymentStatus.QUARANTINED:
        set_status(
            deployment,
            DeploymentStatus.QUARANTINED,
            "quarantined",
            reason,
            by="worker",
            reason=reason[:500],
            detail=detail,
        )


def note_unloadable(*, deployment: Deployment, error: str) -> None:
    """Record that workers cannot load this revision; safe to repeat."""
    event_id = f"revision-{deployment.revision}-unloadable"
    record_events([event_of(deployment, event_id, "error", f"cannot be taken on: {error}", time=timezone.now())])


@transaction.atomic
def reset_deployment(*, deployment: Deployment, by: str) -> None:
    """Close the account, keep its record, and open a new one with the full starting balance."""
    settings = _begun(deployment)
    if deployment.account_id is not None:
        accounts = Account.objects.filter(pk=deployment.account_id)
        withdraw_commands(accounts, f"reset by {by}: the account was closed")
        accounts.update(closed_at=timezone.now())
    season = Season.objects.filter(ended_at=None).first()
    deployment.account = None
    _save(deployment)
    record_change(deployment, settings, settings, by=by, action="reset")
    if season is not None:
        open_account(deployment=deployment, season=season)
    _note(deployment, "reset", f"reset by {by}")


@transaction.atomic
def set_status(
    deployment: Deployment,
    status: DeploymentStatus,
    kind: str,
    summary: str,
    *,
    by: str,
    reason: str = "",
    detail: str = "",
) -> None:
    """Change whether it is evaluated, as a revision and an event of ``kind``.

    What was requested of its entries and is not done yet ends: the later request counts.

    Raises:
        ValidationError: ``status`` does not follow the present one.
    """
    before = _begun(deployment)
    _withdraw(deployment, summary, ENTRY_KINDS)
    change_status(deployment, status, reason)
    _save(deployment)
    record_change(deployment, before, settings_now(deployment, _RECORDED), by=by, action=status.value)
    _note(deployment, kind, summary, detail)


def _request(deployment: Deployment, arguments: Arguments, *, by: str, note: str = "") -> None:
    """Put a command into the queue of the deployment's account; without one the status alone says it."""
    account = Account.objects.filter(deployment=deployment, closed_at=None).first()
    if account is not None:
        request_command(account=account, arguments=arguments, by=by, note=note)


def _withdraw(deployment: Deployment, message: str, kinds: Iterable[CommandKind]) -> None:
    withdraw_commands(Account.objects.filter(deployment=deployment), message, kinds)


def _begun(deployment: Deployment) -> dict[str, Any]:
    """Lock the deployment for a change and return its settings: of two changes at once the second sees the first."""
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update())
    return settings_now(deployment, _RECORDED)


def _pin(deployment: Deployment) -> None:
    """Tie the deployment to the version it trades, and keep that."""
    traded = strategy_of(deployment)
    kept.keep([traded])
    deployment.strategy_hash = traded.hash


def _save(deployment: Deployment) -> None:
    deployment.revision += 1
    deployment.save()


def _note(deployment: Deployment, kind: str, summary: str, detail: str = "") -> None:
    event_id = f"revision-{deployment.revision}-{kind}"
    record_events([event_of(deployment, event_id, kind, summary, time=timezone.now(), detail=detail)])
