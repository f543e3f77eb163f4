"""A deployment's terms in JSON: one field each, made of what `DeploymentTerms` declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from portfolios.serializers import ExactDecimalField
from strategies.deployments.config_fields import Kind
from strategies.deployments.terms import TERMS, Term
from strategies.terms import help_text

Field = serializers.Field[Any, Any, Any, Any]


def term_fields(note: str = "", **options: Any) -> dict[str, Field]:
    """Return a field for each term by its name in the API; ``note`` ends each help text."""
    return {term.api: _field(term, note, options) for term in TERMS.values()}


def _field(term: Term, note: str, options: dict[str, Any]) -> Field:
    source = {} if term.api == term.key else {"source": term.key}
    about = "; ".join(filter(None, [help_text(term.key), note]))
    return _KINDS[term.about.kind](term, {"help_text": about, **source, **options})


def _number(kind: Callable[..., Field]) -> Callable[[Term, dict[str, Any]], Field]:
    def field(term: Term, options: dict[str, Any]) -> Field:
        return kind(min_value=term.about.least, max_value=term.about.most, **options)

    return field


def _json(term: Term, options: dict[str, Any]) -> Field:
    if isinstance(term.about.default, list):
        return serializers.ListField(child=serializers.CharField(), **options)
    # Amounts are text, as all decimals; what has keys of its own holds what their schema says.
    child: dict[str, Any] = {} if term.has_keys else {"child": serializers.CharField()}
    return serializers.DictField(**child, **options)


_KINDS: dict[Kind, Callable[[Term, dict[str, Any]], Field]] = {
    Kind.WHOLE: _number(serializers.IntegerField),
    Kind.NUMBER: _number(serializers.FloatField),
    Kind.DECIMAL: _number(ExactDecimalField),
    Kind.FLAG: lambda _, options: serializers.BooleanField(**options),
    Kind.CHOICE: lambda term, options: serializers.ChoiceField(choices=list(term.about.choices), **options),
    Kind.TEXT: lambda term, options: serializers.CharField(max_length=term.about.longest, **options),
    Kind.JSON: _json,
}
