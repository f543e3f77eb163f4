"""Lines that strategies print or log: bounded for each deployment, cut, and counted where they are left out."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable
from time import monotonic
from typing import TextIO

from strategies.worker.costs import Meter
from trading.bounds import storable

LINES_A_MINUTE = 60
CHARACTERS_A_MINUTE = 30_000
LONGEST_LINE = 500

Speaker = Callable[[], Meter | None]  # the meter of the deployment whose own code runs now


def limit_lines(speaker: Speaker) -> None:
    """Bound from now on what strategies print and what they log."""
    sys.stdout, sys.stderr = LimitedStream(sys.stdout, speaker), LimitedStream(sys.stderr, speaker)
    for handler in logging.getLogger().handlers:
        handler.addFilter(LimitedLog(speaker))


def admitted(meter: Meter, text: str) -> str:
    """Return what of ``text`` may be written for a deployment in this minute; what may not is counted."""
    minute = int(monotonic() // 60)
    if minute != meter.spoke_in:
        meter.spoke_in, meter.lines, meter.characters = minute, 0, 0
    if meter.lines >= LINES_A_MINUTE or meter.characters >= CHARACTERS_A_MINUTE:
        meter.lines_left_out += text.count("\n")
        return ""
    meter.lines += text.count("\n")
    meter.characters += len(text)
    if len(text) <= LONGEST_LINE:
        return storable(text, LONGEST_LINE)
    return storable(text, LONGEST_LINE) + ("…\n" if text.endswith("\n") else "…")


class LimitedStream(io.TextIOBase):
    """A stream that strategies print to among others; what others write passes as it is."""

    def __init__(self, stream: TextIO, speaker: Speaker) -> None:
        self._stream = stream
        self._speaker = speaker

    def write(self, text: str) -> int:
        """Write the text, or what of it a strategy may write."""
        meter = self._speaker()
        if meter is None:
            return self._stream.write(text)
        if may := admitted(meter, str(text)):
            self._stream.write(may)
        return len(text)

    def flush(self) -> None:
        """Hand on what is written."""
        self._stream.flush()

    def fileno(self) -> int:
        """Return the number of the file below."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return whether a person reads along."""
        return self._stream.isatty()


class LimitedLog(logging.Filter):
    """Lets of a strategy's records those through that it may still log in this minute, each cut."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be written."""
        meter = self._speaker()
        if meter is None:
            return True
        may = admitted(meter, f"{record.getMessage()}\n")
        record.msg, record.args, record.exc_info = may.rstrip("\n"), (), None
        return bool(may)
