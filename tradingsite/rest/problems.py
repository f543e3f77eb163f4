"""Errors of the API as RFC 9457 problem details: what is wrong, with which field, and what would be right."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import set_rollback

from tradingsite.rest.details import MEDIA_TYPE, problem

UNNAMED = "non_field_errors"


class ProblemRenderer(JSONRenderer):
    """Problem details: JSON under a name of its own."""

    media_type = MEDIA_TYPE
    format = "problem"


def problem_of(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an error that a view raised; None for an unexpected one."""
    if isinstance(error, Http404):
        error = exceptions.NotFound(str(error) or None)
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    request = context["request"]
    details = problem(error.status_code, *_words(error, request.path))
    response = Response(details, status=error.status_code, headers=_headers(error))
    renderer = ProblemRenderer()
    response.accepted_renderer, response.accepted_media_type = renderer, MEDIA_TYPE
    response.renderer_context = context  # type: ignore[attr-defined]
    # An answer whose format cannot be negotiated is a problem in JSON, whatever was requested.
    request.accepted_renderer, request.accepted_media_type = renderer, MEDIA_TYPE
    return response


def _words(error: exceptions.APIException, path: str) -> tuple[str, str, dict[str, list[str]] | None]:
    if not isinstance(error, exceptions.ValidationError):
        return str(error.detail), path, None
    errors = _flat(as_serializer_error(error))
    named = [_named(field, sentences[0]) for field, sentences in errors.items() if field != UNNAMED]
    detail = "; ".join(named) or "; ".join(errors.get(UNNAMED, ["the request cannot be understood"]))
    return detail, path, errors


def _named(field: str, sentence: str) -> str:
    return sentence if sentence.startswith(field) else f"{field}: {sentence}"


def _flat(errors: Any, prefix: str = "") -> dict[str, list[str]]:
    """Return sentences by field, those of fields in fields under dotted names."""
    flat: dict[str, list[str]] = {}
    for name, value in errors.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = [str(each) for each in (value if isinstance(value, list) else [value])]
    return flat


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait_s := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait_s) + 1)
    return headers
