"""Does every key of a strategy's config change something? Values are tried until one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from strategies.deployments.config_fields import ConfigField, Kind, config_fields, grouped
from strategies.versions import registry
from tests.stage import Stage
from trading.strategy import InvalidConfig

Play = Callable[..., Stage]  # takes a config's keys, returns the stage when the curtain has fallen


def idle_keys(
    name: str,
    plays: Sequence[Play],
    *,
    together: Mapping[str, Mapping[str, Any]] | None = None,
    values: Mapping[str, Sequence[Any]] | None = None,
) -> list[str]:
    """Return the keys that changed neither what was said nor why nothing was, in any play.

    ``together`` gives keys that must be set for another to matter, by that other key or its
    group; ``values`` those to try beside the obvious ones. Keys of a group are GROUP.KEY.
    """
    known: dict[tuple[int, str], object] = {}

    def ending(play: int, config: dict[str, Any]) -> object:
        key = (play, repr(config))
        if key not in known:
            known[key] = plays[play](**grouped(config)).digest()
        return known[key]

    def matters(field: ConfigField) -> bool:
        group = field.key.partition(".")[0]
        others = {**(together or {}).get(group, {}), **(together or {}).get(field.key, {})}
        for value in chain((values or {}).get(field.key, ()), _values(field)):
            config = {**others, field.key: value}
            if not _is_valid(name, config):
                continue
            if any(ending(play, config) != ending(play, others) for play in range(len(plays))):
                return True
        return False

    return [field.key for field in config_fields(registry.strategy(name).schema()) if not matters(field)]


def _is_valid(name: str, config: Mapping[str, Any]) -> bool:
    try:
        registry.strategy(name).config(grouped(config))
    except InvalidConfig:
        return False
    return True


def _values(field: ConfigField) -> Iterator[Any]:
    if field.kind is Kind.FLAG:
        yield not field.default
    elif field.kind is Kind.CHOICE:
        yield from (choice for choice in field.choices if choice != field.default)
    elif field.kind in (Kind.WHOLE, Kind.NUMBER):
        about = field.default if isinstance(field.default, int | float) else 10
        kind = int if field.kind is Kind.WHOLE else float
        scaled = [kind(about * factor) for factor in (2, 0.5, 5, 0.1, 50, 0.01)]
        yield from (number for number in (*scaled, field.least, field.most) if number is not None)
