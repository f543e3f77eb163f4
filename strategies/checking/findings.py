"""What a check found: one finding a check, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec


class Mark(StrEnum):
    """How a check ended."""

    FINE = "fine"
    WARNING = "warning"  # the contract holds; read the lines
    BROKEN = "broken"  # the contract does not hold
    SKIPPED = "skipped"


class Finding(msgspec.Struct, frozen=True):
    """One check in a sentence; the lines below it name places and figures."""

    check: str
    mark: Mark
    sentence: str
    lines: tuple[str, ...] = ()


class Report(msgspec.Struct, kw_only=True):
    """All that was found about one strategy."""

    path: str
    name: str = ""  # empty when it could not be loaded
    version: str = ""
    hash: str = ""
    findings: list[Finding] = []
    figures: dict[str, Any] = {}  # of the run: frames, signals, fills, refusals, reasons, milliseconds
    seconds: float = 0.0

    @property
    def is_broken(self) -> bool:
        """True when a finding breaks the contract."""
        return any(finding.mark is Mark.BROKEN for finding in self.findings)

    def add(self, check: str, mark: Mark, sentence: str, lines: Sequence[str] = ()) -> None:
        """Note one check."""
        self.findings.append(Finding(check, mark, sentence, tuple(lines)))
