"""Every request has an id: its log lines carry it, and so does its answer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from structlog.contextvars import bound_contextvars

from marketdata.telemetry import tracing
from tradingsite.access.policy import Respond, RespondLater
from tradingsite.web_metrics import WEB

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")


@sync_and_async_middleware
def observe(get_response: Any) -> Respond | RespondLater:
    """Name, count and trace each request. A well-formed `X-Request-Id` of the sender's is kept."""
    if iscoroutinefunction(get_response):

        async def respond_later(request: HttpRequest) -> HttpResponseBase:
            with _observed(request) as observation:
                observation.response = await get_response(request)
            return observation.response

        return respond_later

    def respond(request: HttpRequest) -> HttpResponseBase:
        with _observed(request) as observation:
            observation.response = get_response(request)
        return observation.response

    return respond


class _Observation:
    response: HttpResponseBase


@contextmanager
def _observed(request: HttpRequest) -> Iterator[_Observation]:
    given, observation = request.headers.get(HEADER, ""), _Observation()
    request_id = given if _WELL_FORMED.fullmatch(given) else uuid4().hex
    began_s = time.perf_counter()
    with bound_contextvars(request_id=request_id), tracing.span("request", method=request.method or "") as span:
        yield observation
        route, status = _route(request), observation.response.status_code
        span.update(f"{request.method} {route}", {"http.response.status_code": status, "request_id": request_id})
    observation.response.headers[HEADER] = request_id
    WEB.note_request(route, request.method or "", status, time.perf_counter() - began_s)


def _route(request: HttpRequest) -> str:
    """Return the name of the address; there are only so many, whatever is requested."""
    match = request.resolver_match
    return "unmatched" if match is None else match.view_name or "unnamed"
