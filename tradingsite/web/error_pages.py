"""Pages for what went wrong. They are drawn outside the request's own thread, and ask neither database nor Redis."""

from __future__ import annotations

import sys

from django.core.exceptions import BadRequest
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import TimeoutError as RedisLate

from tradingsite.rest.details import MEDIA_TYPE, problem
from tradingsite.web.refusals import API, RETRY_AFTER_S

AWAY = (OperationalError, InterfaceError, RedisAway, RedisLate)
_OF_THE_INPUT = (
    *("cannot contain NUL", "embedded null", "decoding a JSON", "for integer string conversion"),
    *("too large to convert", "date value out of range", "is out of range"),
)
_TITLES = {
    400: "Invalid request",
    403: "Not allowed",
    404: "Page not found",
    500: "Server error",
    503: "Temporarily unavailable",
}


def unknown_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address where there is nothing."""
    if request.path.startswith(API):
        return _answer(request, 404, f"there is nothing at {request.path}; /api/v1/ lists what there is")
    reason = exception.args[0] if exception.args else None  # of the router's own it is no text
    return _answer(request, 404, reason if isinstance(reason, str) else f"No page at {request.path}.")


def forbidden_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that its sender may not make."""
    return _answer(request, 403, str(exception) or "Needs trader or admin role.")


def unverified_page(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the token of its session."""
    return _answer(
        request, 403, f"The form has expired or is from another site: reload its page and send it again. {reason}"
    )


def invalid_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be understood."""
    said = str(exception) if isinstance(exception, BadRequest) else ""
    return _answer(
        request, 400, said or "The request cannot be understood: its address, a header or its body is invalid."
    )


def broken_page(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours, without its details: they are in the log. A server that is away is no fault of ours."""
    error = sys.exception()
    if isinstance(error, AWAY):
        server = "Redis" if isinstance(error, RedisAway | RedisLate) else "The database"
        detail = f"{server} does not answer or takes too long; try again in a few seconds."
        response = _answer(request, 503, detail)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
    if _is_about_the_input(error):
        return _answer(request, 400, f"A value of the request cannot be stored or looked up: {_in_words(error)}.")
    if request.path.startswith(API):
        return _answer(request, 500, "the fault is ours; it is in the log of the web process")
    detail = (
        "The error and its traceback are in the log of the web process. Trading is not affected: workers keep running."
    )
    return _answer(request, 500, detail)


def _is_about_the_input(error: BaseException | None) -> bool:
    """Return whether it says of a value that no column holds it, or that it cannot be read as JSON or a number."""
    return isinstance(error, DataError) or (
        isinstance(error, ValueError | RecursionError | OverflowError)
        and any(words in str(error) for words in _OF_THE_INPUT)
    )


def _in_words(error: BaseException | None) -> str:
    return str(error).partition("\n")[0].partition(";")[0][:200]


def _answer(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    if request.path.startswith(API):
        return JsonResponse(problem(status, detail, request.path), status=status, content_type=MEDIA_TYPE)
    context = {"title": _TITLES[status], "detail": detail, "is_login_needed": status == 403}
    # Without the request there are no context processors: of user, permissions and messages nothing is read.
    return HttpResponse(render_to_string("error_page.html", context), status=status)
