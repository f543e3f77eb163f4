"""A version that lies in the folder beside the one that is traded: enter it as challenger, or switch over to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from strategies.deployments.config_fields import ConfigField, InvalidValue, config_fields, flat, grouped, shown
from strategies.deployments.events import event_of, record_events
from strategies.deployments.selectors import offered, traded
from strategies.deployments.services import change_deployment, create_deployment, fields_of
from strategies.models import Deployment
from strategies.versions import registry
from strategies.versions.registry import UnknownStrategy
from trading.strategy import InvalidConfig, Strategy

LONGEST_SLUG, LONGEST_NAME = 60, 100


@dataclass(frozen=True, slots=True)
class Misfit:
    """What a version does not take of a config, and what is left of the config without it."""

    problems: tuple[str, ...]
    fitting: dict[str, Any]  # a config that the version takes

    @property
    def sentence(self) -> str:
        """The problems in words, and what would be right."""
        right = msgspec.json.encode(self.fitting).decode() if self.fitting else "{}: the defaults"
        return f"{'; '.join(self.problems)}; without that the config is {right}"


def label(strategy: Strategy) -> str:
    """Return a version as people name it: 1.1.0 (ab12cd34)."""
    return f"{strategy.version} ({strategy.hash[:8]})"


def misfit(strategy: Strategy, config: Mapping[str, Any]) -> Misfit | None:
    """Return what ``strategy`` does not take of ``config``; None when it takes all."""
    try:
        strategy.config(config)
    except InvalidConfig as error:
        fields = {field.key: field for field in config_fields(strategy.schema())}
        values = flat(config, fields.values())
        refused = {key: said for key, value in values.items() if (said := _refusal(key, value, fields))}
        kept = grouped({key: value for key, value in values.items() if key not in refused})
        return Misfit(tuple(refused.values()) or (str(error),), kept if refused and _takes(strategy, kept) else {})
    return None


def _refusal(key: str, value: Any, fields: Mapping[str, ConfigField]) -> str:
    """Return why a key is refused, empty when it is not."""
    if key not in fields:
        return f"it has no key {key}, its keys are {', '.join(fields) or 'none'}"
    try:
        fields[key].value(shown(value))
    except InvalidValue as error:
        return "" if value is None and fields[key].is_optional else str(error)
    return ""


def _takes(strategy: Strategy, config: Mapping[str, Any]) -> bool:
    try:
        strategy.config(config)
    except InvalidConfig:
        return False
    return True


@transaction.atomic
def enter_challenger(*, deployment: Deployment, by: str, config: Mapping[str, Any] | None = None) -> Deployment:
    """Enter the version in the folder beside ``deployment``: same terms, an account of its own; the old goes on.

    ``config``: what to trade it with, None for the deployment's own.

    Raises:
        ValidationError: there is no other version, or it does not take the config; it says which keys.
    """
    old, new = _both(deployment)
    wanted = _fitting(new, deployment.config if config is None else config)
    symbols = deployment.symbols
    if not symbols and old is not None and old.symbols != new.symbols:
        symbols = list(old.symbols)
    challenger = create_deployment(
        by=by,
        note=f"challenges {deployment.slug}",
        **{
            **fields_of(deployment),
            "slug": free_slug(deployment.slug),
            "name": _name(deployment.name, old, new),
            "strategy_hash": new.hash,
            "symbols": symbols,
            "config": wanted,
        },
    )
    summary = f"{challenger.slug} entered by {by} with version {label(new)}: it challenges this one"
    record_events([event_of(deployment, f"challenger-{challenger.slug}", "version", summary, time=timezone.now())])
    return challenger


def switch_over(*, deployment: Deployment, by: str, config: Mapping[str, Any] | None = None) -> Deployment:
    """Let the version in the folder trade on with the same account: positions and orders stay, memory begins anew.

    Raises:
        ValidationError: there is no other version, or it does not take the config; it says which keys.
    """
    _, new = _both(deployment)
    wanted = _fitting(new, deployment.config if config is None else config)
    return change_deployment(
        deployment=deployment, by=by, action="switched", note=f"to {label(new)}", strategy_hash=new.hash, config=wanted
    )


def _both(deployment: Deployment) -> tuple[Strategy | None, Strategy]:
    registry.refresh()
    new = offered(deployment)
    if new is None:
        try:
            present = label(registry.strategy(deployment.strategy))
        except UnknownStrategy as error:
            raise ValidationError({"strategy": str(error)}) from None
        sentence = (
            f"{deployment.slug} trades {deployment.strategy} {present} already; edit its files for another version"
        )
        raise ValidationError({"strategy": sentence})
    return traded(deployment)[0], new


def _fitting(strategy: Strategy, config: Mapping[str, Any]) -> dict[str, Any]:
    wrong = misfit(strategy, config)
    if wrong is not None:
        raise ValidationError({"config": f"{strategy.name} {label(strategy)} does not take it: {wrong.sentence}"})
    return dict(config)


def free_slug(slug: str) -> str:
    """Return ``slug`` with the least number after it, from 2 on, that no deployment has."""
    taken = set(Deployment.objects.values_list("slug", flat=True))
    names = (_ended(slug, f"-{number}", LONGEST_SLUG) for number in range(2, len(taken) + 3))
    return next(name for name in names if name not in taken)


def _name(name: str, old: Strategy | None, new: Strategy) -> str:
    """Return the deployment's name with the new version in place of the old one."""
    endings: Iterable[str] = (label(old), old.version) if old else ()
    for ending in endings:
        name = name.removesuffix(f" {ending}")
    differs = old is None or old.version != new.version
    return _ended(name, f" {new.version if differs else label(new)}", LONGEST_NAME)


def _ended(text: str, ending: str, longest: int) -> str:
    return text[: longest - len(ending)] + ending
