"""Answers of the API that have not changed since are not sent again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware

API = "/api/"


class ApiETags(ConditionalGetMiddleware):
    """Give every answer to a GET below `/api/` an ETag, and answer 304 where the client has it already."""

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        """Return the response, or that nothing has changed."""
        answer: HttpResponseBase = response
        if not request.path.startswith(API) or response.status_code != 200:
            return answer
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        return super().process_response(request, answer)
