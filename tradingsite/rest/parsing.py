"""What is accepted as JSON: nothing that cannot be stored or sent again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEEPEST = 32  # objects and lists in each other; a deployment's terms have four


class StorableJSON(JSONParser):
    """Refuses what every JSON parser takes and no column does: null characters, halves of characters, infinity."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the body.

        Raises:
            ParseError: it is not JSON, or holds what cannot be stored.
        """
        try:
            body = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(f"the body is nested too deeply; expected at most {DEEPEST} levels") from None
        _refuse_what_cannot_be_stored(body)
        return body


def _refuse_what_cannot_be_stored(body: Any) -> None:
    pending = [(body, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > DEEPEST:
            raise ParseError(f"the body is nested too deeply; expected at most {DEEPEST} levels")
        if isinstance(value, Mapping):
            pending += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            pending += [(part, depth + 1) for part in value]
        elif isinstance(value, float) and not math.isfinite(value):
            raise ParseError("the body has a number that is too large; expected one below 1.8e308")
        elif isinstance(value, str) and ("\0" in value or not _is_whole(value)):
            raise ParseError(f"the body has the text {value[:60]!a}, which cannot be stored; expected Unicode text")


def _is_whole(text: str) -> bool:
    """Return whether no character of the text is half of a pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
