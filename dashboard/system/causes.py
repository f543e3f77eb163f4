"""A problem of the system: cause, effect and remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dashboard.page.banner import Tone

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One problem."""

    code: str  # for programs
    tone: Tone
    what: str  # a clause, capitalised, without a full stop
    since: datetime | None = None
    so: str = ""  # its effect on the league: a clause
    do: str  # an imperative

    @property
    def sentence(self) -> str:
        """Cause and effect, times in UTC."""
        since = "" if self.since is None else f" since {self.since:%H:%M} UTC"
        return f"{self.what}{since}{': ' if self.so else ''}{self.so}."


def number(count: int) -> str:
    """Return a small number as a word."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def counted(count: int, noun: str) -> str:
    """Return how many of something there are."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return the first few of many names."""
    every = list(names)
    shown = ", ".join(every[:most])
    return shown if len(every) <= most else f"{shown} and {len(every) - most} more"
