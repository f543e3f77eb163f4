"""A JSON Schema read as a list of things a person can fill in: the one source of forms, help texts and bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from trading.accounting.margin import MarginTerms
from trading.engine.risk import RiskLimits


class Kind(StrEnum):
    """What a value is."""

    WHOLE = "whole number"
    NUMBER = "number"
    DECIMAL = "decimal number"  # exact: kept as text in JSON
    FLAG = "yes or no"
    CHOICE = "choice"
    TEXT = "text"
    JSON = "JSON"


class InvalidValue(ValueError):
    """A value that a field does not take; the message names field, value and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigField:
    """One key of a config."""

    key: str
    kind: Kind
    default: Any = None
    help: str = ""
    least: Any = None
    most: Any = None
    is_least_excluded: bool = False
    is_most_excluded: bool = False
    choices: tuple[Any, ...] = ()
    pattern: str = ""  # of a text; empty: any
    example: str = ""  # of a text that fits the pattern
    longest: int | None = None  # characters of a text
    is_optional: bool = False  # null is a value
    is_required: bool = False  # there is no default

    @property
    def bounds(self) -> str:
        """The range in words, empty when there is none."""
        words = []
        if self.least is not None:
            words.append(f"{'above' if self.is_least_excluded else 'at least'} {self.least}")
        if self.most is not None:
            words.append(f"{'below' if self.is_most_excluded else 'at most'} {self.most}")
        return ", ".join(words)

    @property
    def expected(self) -> str:
        """What would be right, for an error's last words."""
        if self.kind is Kind.CHOICE:
            return f"one of {', '.join(map(str, self.choices))}"
        if self.kind is Kind.TEXT and (self.pattern or self.longest):
            like = (
                f"one like {self.example}" if self.example else f"text like {self.pattern}" if self.pattern else "text"
            )
            return f"{like} of at most {self.longest} characters" if self.longest else like
        article = {Kind.JSON: "valid", Kind.FLAG: "", Kind.TEXT: ""}.get(self.kind, "a")
        return f"{article} {self.kind.value} {self.bounds}".strip()

    def value(self, text: str) -> Any:
        """Return what ``text`` stands for, in the JSON type that the config takes.

        Raises:
            InvalidValue: not of this kind, or out of bounds.
        """
        try:
            value = self._read(text)
        except (ValueError, KeyError, InvalidOperation):
            raise self._refusal(text) from None
        if self.kind in (Kind.WHOLE, Kind.NUMBER, Kind.DECIMAL) and not self._is_within(Decimal(str(value))):
            raise self._refusal(text)
        return value

    def _read(self, text: str) -> Any:
        match self.kind:
            case Kind.WHOLE:
                return int(text)
            case Kind.NUMBER:
                return float(text)
            case Kind.DECIMAL:
                return str(Decimal(text))
            case Kind.FLAG:
                return {"true": True, "false": False}[text.lower()]
            case Kind.CHOICE:
                return {str(choice): choice for choice in self.choices}[text]
            case Kind.JSON:
                return json.loads(text, parse_constant=_no_nan)
            case Kind.TEXT:
                if re.search(self.pattern, text) is None or (self.longest is not None and len(text) > self.longest):
                    raise ValueError(text)
                return text

    def _is_within(self, number: Decimal) -> bool:
        if not number.is_finite():
            return False
        if self.least is not None:
            least = Decimal(str(self.least))
            if number < least or (self.is_least_excluded and number == least):
                return False
        if self.most is not None:
            most = Decimal(str(self.most))
            if number > most or (self.is_most_excluded and number == most):
                return False
        return True

    def _refusal(self, text: str) -> InvalidValue:
        return InvalidValue(f"{self.key} is {text!r}; expected {self.expected}")


def _no_nan(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def config_fields(schema: Mapping[str, Any], prefix: str = "") -> list[ConfigField]:
    """Return the fields of an object's JSON Schema, in its order; those of a group are called GROUP.KEY."""
    definitions = schema.get("$defs", {})
    schema = _resolved(schema, definitions)
    required = set(schema.get("required", ()))
    fields: list[ConfigField] = []
    for key, referring in schema.get("properties", {}).items():
        about = _resolved(referring, definitions)
        if "properties" in about:
            fields += config_fields({**about, "$defs": definitions}, f"{prefix}{key}.")
        else:
            fields.append(_field(f"{prefix}{key}", about, is_required=key in required))
    return fields


def flat(values: Mapping[str, Any], fields: Iterable[ConfigField]) -> dict[str, Any]:
    """Return what a config holds by the keys of ``fields``; what none of them is for keeps its own key."""
    groups = {field.key.rpartition(".")[0] for field in fields} - {""}
    return dict(_flattened(values, groups, ""))


def _flattened(values: Mapping[str, Any], groups: Collection[str], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if f"{prefix}{key}" in groups and isinstance(value, Mapping):
            yield from _flattened(value, groups, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def grouped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config that ``flat`` was made of: GROUP.KEY in its group."""
    config: dict[str, Any] = {}
    for key, value in values.items():
        *groups, name = key.split(".")
        place = config
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return config


@lru_cache(maxsize=1)
def risk_fields() -> tuple[ConfigField, ...]:
    """Return the fields of the risk limits."""
    return tuple(config_fields(msgspec.json.schema(RiskLimits)))


@lru_cache(maxsize=1)
def margin_fields() -> tuple[ConfigField, ...]:
    """Return the fields of the margin terms; those of the limits one by one, like ``limits.long``."""
    fields = config_fields(msgspec.json.schema(MarginTerms))
    defaults = flat(msgspec.to_builtins(MarginTerms()), fields)
    return tuple(replace(field, default=defaults[field.key]) for field in fields)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    target = definitions.get(schema["$ref"].rsplit("/", 1)[-1], {})
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def _field(key: str, about: Mapping[str, Any], *, is_required: bool) -> ConfigField:
    options = [option for option in about.get("anyOf", ()) if option.get("type") != "null"]
    merged = {**options[0], **about} if len(options) == 1 else about
    choices = tuple(choice for choice in merged.get("enum", ()) if choice is not None)
    return ConfigField(
        key=key,
        kind=_kind(merged, choices),
        default=about.get("default"),
        help=merged.get("description", ""),
        least=merged.get("minimum", merged.get("exclusiveMinimum")),
        most=merged.get("maximum", merged.get("exclusiveMaximum")),
        is_least_excluded="exclusiveMinimum" in merged,
        is_most_excluded="exclusiveMaximum" in merged,
        choices=choices,
        pattern=merged.get("pattern", ""),
        example=next(iter(merged.get("examples", ())), ""),
        longest=merged.get("maxLength"),
        is_optional=len(options) < len(about.get("anyOf", ())),
        is_required=is_required,
    )


_KINDS = {"integer": Kind.WHOLE, "number": Kind.NUMBER, "boolean": Kind.FLAG, "string": Kind.TEXT}


def _kind(about: Mapping[str, Any], choices: tuple[Any, ...]) -> Kind:
    if choices:
        return Kind.CHOICE
    if about.get("format") == "decimal":
        return Kind.DECIMAL
    if "type" in about:
        return _KINDS.get(about["type"], Kind.JSON)
    # A plain CONFIG dict has no types: its defaults are all that is known.
    match about.get("default"):
        case bool():
            return Kind.FLAG
        case int():
            return Kind.WHOLE
        case float():
            return Kind.NUMBER
        case str():
            return Kind.TEXT
    return Kind.JSON


def shown(value: Any) -> str:
    """Return a config value as it stands in a text box."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
