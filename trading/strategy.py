"""A strategy as the engine sees it: what its package declares, checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from trading.bounds import MOST_REASONS, reason_key
from trading.candles import TIMEFRAME_MINUTES
from trading.fills import Fill
from trading.signals import Amend, Cancel, NoSignal, Signal
from trading.snapshot import DataSnapshot

MAX_SIGNALS = 20  # a frame; more is a strategy out of control
State = dict[str, Any]
Wanted = Signal | Cancel | Amend
Decision = tuple[Sequence[Wanted], Sequence[NoSignal]]  # what is wanted, and why not more
Told = Decision  # the name under which kept versions of strategies may import it
Answer = Wanted | NoSignal | Sequence[Wanted | NoSignal] | None


_OWN: Mapping[type[Wanted], tuple[str, ...]] = {
    Signal: tuple(each.name for each in fields(Signal)),
    Cancel: Cancel.__struct_fields__,
    Amend: Amend.__struct_fields__,
}


class InvalidConfig(ValueError):
    """A config that the strategy's schema does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy version. Pure: it neither fetches, stores, logs nor reads the clock."""

    name: str  # unique among all that are found
    version: str  # to be raised when it trades otherwise than before
    symbols: tuple[str, ...]  # those it trades unless a deployment says otherwise
    generate_signal: Callable[[DataSnapshot, Any, State], Answer]  # what it wants now
    config_type: type[msgspec.Struct] | None = None  # None: a plain dict, see `defaults`
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of that dict
    on_start: Callable[[Any, State], None] | None = None  # once in an account's life, before the first evaluation
    on_fill: Callable[[Fill, State], None] | None = None  # for every execution, whatever its order
    on_stop: Callable[[State], None] | None = None  # accepted; nothing calls it yet
    trigger: str = "frame"  # frame, trade, or candle:TIMEFRAME
    warmup: Mapping[str, int] = field(default_factory=dict)  # timeframe -> closed candles it needs
    category: str = ""  # one word for what it does, like hold; shown beside its name
    is_benchmark: bool = False  # the others must beat it
    description: str = ""  # the module's docstring; its first line stands in lists
    path: str = ""  # of the file or package
    hash: str = ""  # SHA-256 of the whole package
    sources: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # what was hashed, by file name

    def __post_init__(self) -> None:
        known = {"frame", "trade"} | {f"candle:{timeframe}" for timeframe in TIMEFRAME_MINUTES}
        if self.trigger not in known:
            raise ValueError(f"TRIGGER of {self.name} is {self.trigger!r}; expected one of {', '.join(sorted(known))}")
        unknown = set(self.warmup) - set(TIMEFRAME_MINUTES)
        if unknown:
            raise ValueError(f"WARMUP of {self.name} names {sorted(unknown)}; known are {', '.join(TIMEFRAME_MINUTES)}")

    def config(self, overrides: Mapping[str, Any]) -> Any:
        """Return the config with ``overrides`` over the defaults, group by group: the rest of a group stays as it is.

        Raises:
            InvalidConfig: an unknown key, a wrong type or a value out of bounds.
        """
        if self.config_type is None:
            unknown = set(overrides) - set(self.defaults)
            if unknown:
                raise InvalidConfig(f"{self.name} has no {sorted(unknown)}; it has {sorted(self.defaults)}")
            return {**self.defaults, **overrides}
        try:
            return msgspec.convert(_merged(self.config_type, overrides, self.name), self.config_type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidConfig(f"config of {self.name}: {error}") from None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the config, one property per key; a group of keys is an object in its place."""
        if self.config_type is None:
            return {
                "type": "object",
                "properties": {key: {"default": value} for key, value in self.defaults.items()},
            }
        (whole,), components = msgspec.json.schema_components([self.config_type], ref_template="{name}")
        return _resolved(whole, components)


def _merged(kind: type[msgspec.Struct], overrides: Mapping[str, Any], path: str) -> dict[str, Any]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    unknown = set(overrides) - set(fields)
    if unknown:
        raise InvalidConfig(f"{path} has no {', '.join(sorted(unknown))}; it has {', '.join(fields)}")
    merged = dict(overrides)
    for name, value in overrides.items():
        group = fields[name].default
        if isinstance(group, msgspec.Struct) and isinstance(value, Mapping):
            merged[name] = msgspec.to_builtins(group) | _merged(type(group), value, f"{path}.{name}")
    return merged


def _resolved(schema: dict[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with everything it refers to in its place, and the defaults of the place in force."""
    if "$ref" in schema:
        schema = {**components[schema["$ref"]], **schema}
        del schema["$ref"]
    if "properties" in schema:
        defaults = schema.get("default") or {}
        properties = {
            name: _resolved({**about, "default": defaults[name]} if name in defaults else about, components)
            for name, about in schema["properties"].items()
        }
        schema = {**schema, "properties": properties}
    return schema


def wanted_and_reasons(answer: Any) -> Decision:
    """Return what an answer wants, and why it wants no more; nothing is two empty lists.

    Of a class derived from one of ours its fields alone are taken: what it adds is nobody's business.

    Raises:
        TypeError, ValueError: no answer that a strategy may give.
    """
    answers = answer if isinstance(answer, list) else [] if answer is None else [answer]
    wanted: list[Wanted] = []
    reasons: list[NoSignal] = []
    for one in answers:
        if isinstance(one, NoSignal):
            reasons.append(one)
        elif isinstance(one, Wanted):
            wanted.append(_plain(one))
        else:
            kind = f"a list with a {type(one).__name__}" if one is not answer else f"a {type(one).__name__}"
            raise TypeError(f"generate_signal returned {kind}; expected Signal, Cancel, Amend, NoSignal or a list")
    if len(wanted) > MAX_SIGNALS:
        raise ValueError(f"{len(wanted)} signals in one frame; at most {MAX_SIGNALS} are taken")
    return wanted, reasons


def _plain(one: Wanted) -> Wanted:
    if type(one) in _OWN:
        return one
    kind = next(kind for kind in _OWN if isinstance(one, kind))
    return kind(**{name: getattr(one, name) for name in _OWN[kind]})


def reason_keys(reasons: Sequence[NoSignal]) -> list[str]:
    """Return what each reason is counted as: its code, or code and symbol, cut to their columns."""
    return [reason_key(reason.code, reason.symbol) for reason in reasons[:MOST_REASONS]]
