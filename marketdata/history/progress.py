"""A progress bar for a terminal; nothing is drawn elsewhere."""

from __future__ import annotations

from typing import TextIO

_WIDTH = 30


class ProgressBar:
    """Redraws one line of a terminal; on anything else it is silent."""

    def __init__(self, out: TextIO, label: str, total: float) -> None:
        self._out = out
        self._label = label
        self._total = max(total, 1e-9)
        self._shown = ""
        self._is_shown = bool(getattr(out, "isatty", lambda: False)())

    def show(self, done: float, note: str = "") -> None:
        """Draw ``done`` of the total."""
        share = min(1.0, max(0.0, done / self._total))
        line = f"{self._label} [{'#' * round(share * _WIDTH):<{_WIDTH}}] {share:4.0%} {note}"
        if self._is_shown and line != self._shown:
            self._shown = line
            self._out.write(f"\r\x1b[K{line}")
            self._out.flush()

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
