"""The client's classes and the API's descriptions are the same, field for field."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from drf_spectacular.generators import SchemaGenerator

import paddock_client
from dashboard.stream import messages
from paddock_client import stream
from paddock_client.parsing import MORE
from strategies.deployments.terms import TERMS

NAMES = {"Row": "Contestant", "Event": "DeploymentEvent", "EquityPoint": "CurvePoint", "FrameStream": "Stream"}
OF_THE_STREAM = {"Price"}  # and its messages
NOT_TAKEN = {
    # Its `standing` has them.
    "DeploymentDetail": {"shadows", "optimism_band_pct", "optimism_gap_pct", "optimism_since", "optimism_reason"},
}
FORMS: dict[Any, dict[str, Any]] = {
    Decimal: {"type": "string", "format": "decimal"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}
# Exact decimals that are described as text alone.
LOOSE = {
    *("Quote.bid", "Quote.ask", "Quote.last", "Performance.samples"),
    *("Waiting.distance_bps", "Waiting.queue_ahead", "Waiting.printed"),
}


def things() -> list[Any]:
    public = [getattr(paddock_client, name) for name in paddock_client.__all__]
    kinds = [kind for kind in public if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    return [kind for kind in kinds if kind not in stream.KINDS.values() and kind.__name__ not in OF_THE_STREAM]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]


@pytest.mark.parametrize("kind", [kind for kind in things() if kind.__name__ != "Execution"], ids=lambda k: k.__name__)
def test_a_thing_has_the_fields_that_the_api_describes_and_their_forms(described, kind):
    fields = described[NAMES.get(kind.__name__, kind.__name__)]["properties"]
    hints = get_type_hints(kind)

    more = hints.pop(MORE, None)
    beside = {term.api for term in TERMS.values()} - hints.keys() if more else set()
    assert hints.keys() == fields.keys() - NOT_TAKEN.get(kind.__name__, set()) - beside
    assert [name for name in hints if not agree(described, hints[name], fields[name], f"{kind.__name__}.{name}")] == []


def agree(described: dict[str, Any], hint: Any, form: dict[str, Any], name: str) -> bool:
    """Return whether what is of this form is read as this type, null included."""
    form, may_be_null = resolved(described, form)
    if isinstance(hint, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    elif may_be_null and hint is not Any:
        return False
    if hint is Any or name in LOOSE or "type" not in form:
        return True
    if dataclasses.is_dataclass(hint):
        return form is described[NAMES.get(hint.__name__, hint.__name__)]
    if get_origin(hint) is list:
        return form["type"] == "array" and agree(described, get_args(hint)[0], form["items"], name)
    if get_origin(hint) is dict:
        values = form.get("additionalProperties") or {}
        return form["type"] == "object" and agree(described, get_args(hint)[1], values, name)
    return FORMS[hint].items() <= form.items()


def resolved(described: dict[str, Any], form: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return what a reference leads to, and whether null may stand in its place."""
    may_be_null = bool(form.get("nullable"))
    for kind in ("allOf", "oneOf"):
        if kind in form:
            form = next(part for part in form[kind] if "Null" not in part.get("$ref", ""))
    return (described[form["$ref"].rpartition("/")[2]] if "$ref" in form else form), may_be_null


def test_the_client_knows_the_messages_of_the_stream():
    facts_and_states = {
        kind.__struct_config__.tag: set(kind.__struct_encode_fields__)
        for kind in messages.FROM_SERVER
        if issubclass(
            kind, messages.Fact | messages.Gap | messages.LeagueMessage | messages.PricesMessage | messages.FeedMessage
        )
    }

    assert facts_and_states == {
        name: {field.name.rstrip("_") for field in dataclasses.fields(kind)} for name, kind in stream.KINDS.items()
    }
    assert stream.FACTS == messages.FACTS
    assert stream.STATES == messages.STATES
