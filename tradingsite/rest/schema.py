"""The parts of the API's description that all endpoints share: authentication, problems, examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from tradingsite.rest.details import MEDIA_TYPE

EXAMPLES = Path(__file__).with_name("examples.json")  # "METHOD path" -> an answer; the tests request each again
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "the status in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "a sentence that names what is wrong"},
        "instance": {"type": "string", "description": "the address of the request"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "sentences by field",
        },
    },
}
_READ = {"400": "a parameter is not what it should be", "404": "there is no such thing"}
_CHANGE = {**_READ, "403": "the role of a trader, or a token's scope, is missing", "415": "not JSON"}
_ALL = {
    "401": "a login, a token or a link is needed",
    "405": "no such method",
    "406": "no such format",
    "429": "too many",
}


class Login(SessionScheme):  # type: ignore[no-untyped-call]  # its base registers it, untyped
    """The login of a browser."""

    target_class = "tradingsite.access.permissions.LivingSessions"


class Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its base registers it, untyped
    """Tokens, as the description names them."""

    target_class = "tradingsite.access.permissions.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "`manage.py token create USER NAME` makes one"}


class Described(AutoSchema):
    """Every operation lists the problems that it may answer with."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problems = _READ if self.method == "GET" else _CHANGE
        for status, words in {**problems, **_ALL}.items():
            bodies.setdefault(status, {"description": words, "content": {MEDIA_TYPE: {"schema": _REFERENCE}}})
        return bodies


_REFERENCE = {"$ref": "#/components/schemas/Problem"}


def with_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the shape of a problem to the description; drf-spectacular calls it last."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    return result


def with_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give operations the answer that a small league would get; drf-spectacular calls it after the others."""
    for label, answer in json.loads(EXAMPLES.read_text()).items():
        method, path = label.split(" ")
        operation = result["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            operation["responses"]["200"]["content"]["application/json"]["example"] = answer
    return result
