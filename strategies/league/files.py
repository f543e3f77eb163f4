"""League files: a readable list of deployments, loaded into the database or run by a replay."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from portfolios import models
from portfolios.fees import known_schedules, schedule_from, tiers_as_stored
from strategies.deployments.config_fields import Kind
from strategies.deployments.fee_schedules import add_fee_schedule
from strategies.deployments.services import change_deployment, create_deployment
from strategies.deployments.terms import TERMS, translate
from strategies.models import Deployment
from strategies.terms import DeploymentTerms
from strategies.versions import registry
from trading.fees import PUBLISHED, FeeSchedule
from trading.fills import plain

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]


class InvalidLeague(ValueError):
    """A league file that cannot be used."""


class DeploymentEntry(DeploymentTerms, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One ``[[deployments]]`` table: what trades, and on what terms."""

    slug: Slug
    strategy: str
    strategy_hash: str = ""  # a version that is kept here; empty: the one that is traded already, else the present one
    name: str = ""


class FeeScheduleEntry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One ``[[fee_schedules]]`` table: rates of one's own, for ever under this name."""

    name: str
    valid_from: date
    tiers: list[tuple[Decimal, Decimal, Decimal]]  # USD traded in thirty days, taker %, maker %
    reference: str = ""  # where the rates were published

    @property
    def rows(self) -> list[list[str]]:
        """The tiers as text."""
        return tiers_as_stored([[str(cell) for cell in row] for row in self.tiers])


class LeagueFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A whole file."""

    name: str = "Paddock league"
    instruments: list[str] = []  # what the feed should watch
    fee_schedules: list[FeeScheduleEntry] = []
    deployments: list[DeploymentEntry]


def read_league(path: Path) -> LeagueFile:
    """Return the league that ``path`` describes.

    Raises:
        InvalidLeague: unreadable, not TOML, an unknown key or a bad value; it names where.
    """
    try:
        league = msgspec.convert(tomllib.loads(path.read_text()), LeagueFile, strict=False)
    except OSError as error:
        raise InvalidLeague(f"{path}: {error.strerror}") from None
    except RecursionError:
        raise InvalidLeague(f"{path}: lists or tables lie too deep in each other") from None
    except ValueError as error:  # no TOML, no UTF-8, a number of thousands of digits, or not what a league holds
        raise InvalidLeague(f"{path}: {error}") from None
    seen: set[str] = set()
    for entry in league.deployments:
        if entry.slug in seen:
            raise InvalidLeague(f"{path}: slug {entry.slug!r} stands twice; slugs are unique")
        seen.add(entry.slug)
    return league


@transaction.atomic
def load_league(league: LeagueFile, *, by: str) -> tuple[int, int]:
    """Create or change the file's deployments; others are left alone. Return how many were created and changed.

    Its fee schedules are added, unless they are known already.

    Raises:
        InvalidLeague: a deployment is not valid; nothing has been written.
    """
    _load_fee_schedules(league.fee_schedules, by)
    created = changed = 0
    for entry in league.deployments:
        fields = deployment_fields(entry)
        known = Deployment.objects.filter(slug=entry.slug).first()
        try:
            if known is None:
                create_deployment(by=by, **fields)
                created += 1
            elif differing := {n: v for n, v in fields.items() if n != "slug" and getattr(known, n) != v}:
                change_deployment(deployment=known, by=by, **differing)
                changed += 1
        except ValidationError as error:
            raise InvalidLeague(f"deployment {entry.slug!r}: {'; '.join(error.messages)}") from None
    return created, changed


def fee_schedules(league: LeagueFile) -> list[FeeSchedule]:
    """Return the file's own schedules.

    Raises:
        InvalidLeague: one of them is no schedule, or differs from a published one of its name.
    """
    made = [_schedule_from(entry) for entry in league.fee_schedules]
    for schedule in made:
        if schedule.name in PUBLISHED and PUBLISHED.schedule(schedule.name) != schedule:
            raise InvalidLeague(f"fee schedule {schedule.name!r} is published with other rates: expected another name")
    return made


def _schedule_from(entry: FeeScheduleEntry) -> FeeSchedule:
    try:
        return schedule_from(entry.name, entry.valid_from, entry.rows)
    except ValidationError as error:
        raise InvalidLeague(f"fee schedule {entry.name!r}: {'; '.join(error.messages)}") from None


def _load_fee_schedules(entries: Iterable[FeeScheduleEntry], by: str) -> None:
    known = known_schedules()
    for entry in entries:
        if entry.name in known:
            if known.schedule(entry.name) != _schedule_from(entry):
                raise InvalidLeague(f"fee schedule {entry.name!r} is known with other rates: expected another name")
            continue
        try:
            add_fee_schedule(
                name=entry.name, valid_from=entry.valid_from, tiers=entry.rows, reference=entry.reference, by=by
            )
        except ValidationError as error:
            raise InvalidLeague(f"fee schedule {entry.name!r}: {'; '.join(error.messages)}") from None


def deployment_fields(entry: DeploymentEntry) -> dict[str, Any]:
    """Return the row's fields."""
    fields = {key: _stored(value) for key, value in msgspec.structs.asdict(entry).items()}
    if not entry.strategy_hash:
        del fields["strategy_hash"]
    fields["name"] = entry.name or entry.slug.replace("-", " ").capitalize()
    spelled = Deployment(**fields)
    translate(spelled)
    return {name: getattr(spelled, name) for name in fields}


def _stored(value: Any) -> Any:
    """Return a value as its column holds it."""
    match value:
        case Enum():
            return value.value
        case dict():
            return {key: plain(each) if isinstance(each, Decimal) else each for key, each in value.items()}
    return value


def league_text(instruments: list[str]) -> str:
    """Return the database's deployments as a league file; versions are named where they are not the present ones."""
    present = {name: found.hash for name, found in registry.found().items()}
    lines = [f"instruments = {_toml(instruments)}"]
    for schedule in models.FeeSchedule.objects.all():
        lines += ["", "[[fee_schedules]]", f"name = {_toml(schedule.name)}"]
        lines += [f"valid_from = {schedule.valid_from}", f"tiers = {_toml(schedule.tiers)}"]
        if schedule.reference:
            lines.append(f"reference = {_toml(schedule.reference)}")
    for row in Deployment.objects.all():
        lines += ["", "[[deployments]]", f"slug = {_toml(row.slug)}", f"name = {_toml(row.name)}"]
        lines.append(f"strategy = {_toml(row.strategy)}")
        if row.strategy_hash not in {"", present.get(row.strategy)}:
            lines.append(f"strategy_hash = {_toml(row.strategy_hash)}")
        for key, term in TERMS.items():
            value = getattr(row, key)
            if value or term.about.kind is not Kind.JSON:  # an empty list or object says nothing
                lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Decimal():
            return _toml(plain(value))
        case str():
            return msgspec.json.encode(value).decode()  # TOML's basic strings are JSON's, escapes included
        case list() | tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case dict():
            pairs = (f"{_toml(k)} = {_toml(v)}" for k, v in value.items() if v is not None)
            return "{ " + ", ".join(pairs) + " }"
    raise TypeError(f"{value!r} has no place in a league file")
