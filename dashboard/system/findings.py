"""What a check of the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's output."""

    check: str
    verdict: Verdict
    detail: str
    do: str = ""  # empty: nothing


def fine(check: str, detail: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Verdict.OK, detail)
