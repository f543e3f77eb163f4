"""A strategy as the engine sees it: what its package declares, checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trading.candles import TIMEFRAME_MINUTES
from trading.fills import Fill
from trading.signals import Amend, Cancel, NoSignal, Signal
from trading.snapshot import DataSnapshot

MAX_SIGNALS = 20  # a frame; more is a strategy out of control
State = dict[str, Any]
Wanted = Signal | Cancel | Amend
Answer = Wanted | list[Wanted] | NoSignal | None


class InvalidConfig(ValueError):
    """A config that the strategy's schema does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy version. Pure: it neither fetches, stores, logs nor asks the time."""

    name: str
    version: str
    symbols: tuple[str, ...]  # those it trades unless a deployment says otherwise
    generate_signal: Callable[[DataSnapshot, Any, State], Answer]
    config_type: type[msgspec.Struct] | None = None  # None: a plain dict, see `defaults`
    defaults: Mapping[str, Any] = field(default_factory=dict)
    on_start: Callable[[Any, State], None] | None = None
    on_fill: Callable[[Fill, State], None] | None = None
    on_stop: Callable[[State], None] | None = None
    trigger: str = "frame"  # frame, trade, or candle:TIMEFRAME
    warmup: Mapping[str, int] = field(default_factory=dict)  # timeframe -> closed candles it needs
    description: str = ""
    path: str = ""
    hash: str = ""  # SHA-256 of the whole package

    def __post_init__(self) -> None:
        known = {"frame", "trade"} | {f"candle:{timeframe}" for timeframe in TIMEFRAME_MINUTES}
        if self.trigger not in known:
            raise ValueError(f"TRIGGER of {self.name} is {self.trigger!r}; expected one of {', '.join(sorted(known))}")
        unknown = set(self.warmup) - set(TIMEFRAME_MINUTES)
        if unknown:
            raise ValueError(f"WARMUP of {self.name} names {sorted(unknown)}; known are {', '.join(TIMEFRAME_MINUTES)}")

    def config(self, overrides: Mapping[str, Any]) -> Any:
        """Return the config with ``overrides`` over the defaults.

        Raises:
            InvalidConfig: an unknown key, a wrong type or a value out of bounds.
        """
        if self.config_type is None:
            unknown = set(overrides) - set(self.defaults)
            if unknown:
                raise InvalidConfig(f"{self.name} has no {sorted(unknown)}; it has {sorted(self.defaults)}")
            return {**self.defaults, **overrides}
        unknown = set(overrides) - set(self.config_type.__struct_fields__)
        if unknown:
            known = ", ".join(self.config_type.__struct_fields__)
            raise InvalidConfig(f"{self.name} has no {', '.join(sorted(unknown))}; it has {known}")
        try:
            return msgspec.convert(dict(overrides), self.config_type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidConfig(f"config of {self.name}: {error}") from None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the config, one property per key."""
        if self.config_type is None:
            return {
                "type": "object",
                "properties": {key: {"default": value} for key, value in self.defaults.items()},
            }
        (_, components) = msgspec.json.schema_components([self.config_type])
        schema: dict[str, Any] = components[self.config_type.__name__]
        return schema


def wanted_by(answer: Any) -> list[Wanted]:
    """Return what an answer other than NoSignal asks for; nothing is the empty list.

    Raises:
        TypeError, ValueError: no answer that a strategy may give.
    """
    if answer is None:
        return []
    if isinstance(answer, Wanted):
        return [answer]
    if not isinstance(answer, list):
        raise TypeError(f"generate_signal returned a {type(answer).__name__}; expected Signal, list or NoSignal")
    if len(answer) > MAX_SIGNALS:
        raise ValueError(f"{len(answer)} signals in one frame; at most {MAX_SIGNALS} are taken")
    for wanted in answer:
        if not isinstance(wanted, Wanted):
            kind = type(wanted).__name__
            raise TypeError(f"generate_signal returned a list with a {kind}; expected Signals, Cancels and Amends")
    return answer
