"""The errors of this client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PaddockError(Exception):
    """The base of all errors of this client."""


class Unreachable(PaddockError):
    """No answer came."""


class UnexpectedAnswer(PaddockError):
    """The answer is none that this client knows: not a Paddock, or a much newer one."""


class Refused(PaddockError):
    """The server refuses a request, and says why."""

    def __init__(self, status: int, title: str, detail: str, errors: Mapping[str, Sequence[str]]) -> None:
        self.status = status
        self.title = title
        self.detail = detail  # one line that names all of it
        self.errors = errors  # by field: what was given, and what would have been right
        super().__init__(f"{status} {title}: {detail or 'no reason is given'}")


class NotAllowed(Refused):
    """A token is missing, is unknown, or may not do this."""


class NotFound(Refused):
    """There is no such thing."""


class TooManyRequests(Refused):
    """The server accepts fewer requests a minute."""


class UnknownCursor(Refused):
    """A cursor that the server has not sent, or not yet."""


_KINDS = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 429: TooManyRequests}


def refusal(status: int, title: str, problem: Any) -> Refused:
    """Return the error that problem details describe; where a proxy answered instead, the one of its status."""
    details = problem if isinstance(problem, dict) else {}
    errors = details.get("errors")
    by_field = {
        str(name): [str(word) for word in (words if isinstance(words, list) else [words])]
        for name, words in (errors.items() if isinstance(errors, dict) else ())
    }
    kind = UnknownCursor if status == 400 and set(by_field) == {"after"} else _KINDS.get(status, Refused)
    return kind(status, str(details.get("title", title)), str(details.get("detail", "")), by_field)
