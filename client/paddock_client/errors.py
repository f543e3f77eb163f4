"""What can go wrong between a program and its Paddock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PaddockError(Exception):
    """Whatever goes wrong."""


class Unreachable(PaddockError):
    """No answer came."""


class UnexpectedAnswer(PaddockError):
    """The answer is none that this client knows: not a Paddock, or a much newer one."""


class Refused(PaddockError):
    """The server says why it does not do what was asked."""

    def __init__(self, status: int, title: str, detail: str, errors: Mapping[str, Sequence[str]]) -> None:
        self.status = status
        self.title = title
        self.detail = detail  # a sentence that names all of it
        self.errors = errors  # by field: what was given, and what would have been right
        super().__init__(f"{status} {title}: {detail or 'no reason is given'}")


class NotAllowed(Refused):
    """A token is missing, is unknown, or may not do this."""


class NotFound(Refused):
    """There is no such thing."""


class TooManyRequests(Refused):
    """The server wants to be asked less often."""


class UnknownCursor(Refused):
    """A place in a stream that the server has not told, or not yet."""


_KINDS = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 429: TooManyRequests}


def refusal(status: int, title: str, problem: Any) -> Refused:
    """Return what the server says in problem details; where something before it answered, what its status says."""
    told = problem if isinstance(problem, dict) else {}
    errors = told.get("errors")
    by_field = {
        str(name): [str(word) for word in (words if isinstance(words, list) else [words])]
        for name, words in (errors.items() if isinstance(errors, dict) else ())
    }
    kind = UnknownCursor if status == 400 and set(by_field) == {"after"} else _KINDS.get(status, Refused)
    return kind(status, str(told.get("title", title)), str(told.get("detail", "")), by_field)
