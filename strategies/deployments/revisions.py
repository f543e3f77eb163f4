"""The history of a deployment's settings: every change with who made it, when, and what it was before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from django.db import connection
from django.utils import timezone

from portfolios.audit import note_change
from strategies.deployments.terms import TERMS
from strategies.models import Deployment, DeploymentRevision, StrategyVersion
from trading.fills import plain

GROUPED = frozenset(key for key, term in TERMS.items() if term.has_keys)  # compared key by key
FOLLOWS = "the default"
EMPTY = "nothing"
MOST_SHOWN = 50
_APPLIED = """
    UPDATE strategies_deploymentrevision revision SET sequence = (applied ->> 2)::bigint
    FROM json_array_elements(%s::json) each (applied)
    WHERE revision.deployment_id = (applied ->> 0)::bigint AND revision.number <= (applied ->> 1)::bigint
    AND revision.sequence IS NULL
"""


class UnknownRevision(LookupError):
    """A deployment has no revision of that number."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs. A side without a value follows the default."""

    key: str  # config.breaker.losses
    has_before: bool
    before: Any
    has_after: bool
    after: Any

    @property
    def sentence(self) -> str:
        """The change in words."""
        return f"{self.key}: {self.shown_before} → {self.shown_after}"

    @property
    def shown_before(self) -> str:
        """What it was, in words."""
        return self._shown(self.before) if self.has_before else FOLLOWS

    @property
    def shown_after(self) -> str:
        """What it is, in words."""
        return self._shown(self.after) if self.has_after else FOLLOWS

    def _shown(self, value: Any) -> str:
        if self.key == "strategy_hash":
            return value[:8] or "none"
        if isinstance(value, str):
            return value or EMPTY
        return msgspec.json.encode(value).decode()


def settings_now(deployment: Deployment, names: Iterable[str]) -> dict[str, Any]:
    """Return the fields ``names`` as JSON can hold them; equal amounts are spelled alike."""
    values = {name: getattr(deployment, name) for name in sorted(names)}
    spelled = {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}
    return {
        name: str(value) if isinstance(value, str) else msgspec.to_builtins(value) for name, value in spelled.items()
    }


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two sets of settings, key by key, groups of keys taken apart."""
    old, new = _taken_apart(before), _taken_apart(after)
    keys = [*old, *(key for key in new if key not in old)]
    return [
        Change(key, key in old, old.get(key), key in new, new.get(key))
        for key in keys
        if (key in old) != (key in new) or old.get(key) != new.get(key)
    ]


def _taken_apart(settings: Mapping[str, Any], prefix: str = "", *, is_grouped: bool = False) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and (is_grouped or name in GROUPED):
            flat |= _taken_apart(value, f"{prefix}{name}.", is_grouped=True)
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def record_creation(deployment: Deployment, settings: Mapping[str, Any], *, by: str, note: str = "") -> None:
    """Write down a deployment's first revision."""
    _write(deployment, deployment.revision, settings, by=by, action="created", note=note)


def record_change(
    deployment: Deployment, before: Mapping[str, Any], after: Mapping[str, Any], *, by: str, action: str, note: str = ""
) -> list[Change]:
    """Write down the change that made the deployment's present revision; return what differs.

    A deployment from before there was a history gets its settings of until now as its first revision.
    """
    if not deployment.revisions.exists():
        _write(deployment, deployment.revision - 1, before, by="", action="found", note="before there was a history")
    changes = changes_between(before, after)
    _write(deployment, deployment.revision, after, changes, by=by, action=action, note=note)
    return changes


def record_applied_revisions(applied: Iterable[tuple[int, int, int]]) -> None:
    """Write after which frame a worker applied revisions: each (deployment, number, sequence) with those before it.

    It belongs in the transaction that writes the checkpoints as of those frames. Safe to repeat.
    """
    rows = list(applied)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_APPLIED, [msgspec.json.encode(rows).decode()])


def _write(
    deployment: Deployment,
    number: int,
    settings: Mapping[str, Any],
    changes: Sequence[Change] = (),
    *,
    by: str,
    action: str,
    note: str,
) -> None:
    source = settings["strategy_hash"]
    version = StrategyVersion.objects.filter(hash=source).values_list("version", flat=True).first()
    DeploymentRevision.objects.create(
        deployment=deployment,
        number=number,
        at=timezone.now(),
        by=by[:150],
        action=action,
        note=note[:500],
        changes=[_stored(change) for change in changes],
        settings=dict(settings),
        strategy_version=version or "",
        strategy_hash=source,
    )
    if by:
        sentence = "; ".join(filter(None, [note, *(change.sentence for change in changes)]))
        note_change(by=by, kind="deployment", subject=deployment.slug, action=action, sentence=sentence)


def _stored(change: Change) -> dict[str, Any]:
    sides = {"before": change.before} if change.has_before else {}
    return {"key": change.key, **sides, **({"after": change.after} if change.has_after else {})}


def changes_of(revision: DeploymentRevision) -> list[Change]:
    """Return what a revision changed."""
    return [
        Change(stored["key"], "before" in stored, stored.get("before"), "after" in stored, stored.get("after"))
        for stored in revision.changes
    ]


def revision_of(deployment: Deployment, number: int) -> DeploymentRevision:
    """Return the deployment's revision ``number``.

    Raises:
        UnknownRevision: it names those there are.
    """
    found = deployment.revisions.filter(number=number).first()
    if found is None:
        numbers = ", ".join(str(known) for known in deployment.revisions.values_list("number", flat=True)[:MOST_SHOWN])
        raise UnknownRevision(f"{deployment.slug} has no revision {number}; there are {numbers or 'none yet'}")
    return found
