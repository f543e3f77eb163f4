"""The one console of all processes: each line named, levelled and coloured, and kept in a log file."""

import logging
import logging.handlers
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from marketdata.disk_errors import disk_words

LOG_BYTES = 10_000_000
LOG_FILES = 3
NAME_WIDTH = 10

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_LEVEL_COLOURS = {"DEBUG": "\x1b[2m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_NAME_COLOURS = (
    "\x1b[36m",
    "\x1b[32m",
    "\x1b[35m",
    "\x1b[34m",
    "\x1b[96m",
    "\x1b[92m",
    "\x1b[95m",
    "\x1b[94m",
)
_RANK = {level: rank for rank, level in enumerate(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])}
# How each program spells its levels at the start of a line.
_SPELLINGS = {
    **{level: level for level in _RANK},
    "LOG:": "INFO",
    "NOTICE:": "INFO",
    "HINT:": "INFO",
    "DETAIL:": "INFO",
    "STATEMENT:": "INFO",
    "CONTEXT:": "INFO",
    "WARNING:": "WARNING",
    "ERROR:": "ERROR",
    "FATAL:": "ERROR",
    "PANIC:": "CRITICAL",
}
_VALKEY = re.compile(r"^\d+:[A-Z] .{15,30}? ([.*#-]) ")
_VALKEY_LEVELS = {".": "DEBUG", "-": "INFO", "*": "INFO", "#": "WARNING"}
# What a child could send to the terminal besides text.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def level_of(line: str) -> str | None:
    """Return the level that a child's line states, ``None`` for one that goes on with the line before."""
    if found := _VALKEY.match(line):
        return _VALKEY_LEVELS[found[1]]
    return _SPELLINGS.get(line.split(" ", 1)[0])


class _LogFile(logging.handlers.RotatingFileHandler):
    """A log that may fail: why is said once, on the screen, until it is written again."""

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8")
        self._complain = complain
        self._complaint = ""
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or note why it could not be."""
        failed_before, self._failed = self._complaint, False
        super().emit(record)
        if failed_before and not self._failed:
            self._complaint = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Say once what keeps the lines from being written; each line is on the screen anyway."""
        self._failed = True
        error = sys.exception()
        words = disk_words(error) if isinstance(error, OSError) else str(error)
        if words != self._complaint:
            self._complaint = words
            self._complain(f"{'paddock':<{NAME_WIDTH}} | WARNING the log is not written: {words}")


class Console:
    """The output of the launcher and its children.

    ``log_path`` keeps every line with its time; the screen may leave out a child's lesser levels.
    """

    def __init__(self, *, out: TextIO | None = None, colour: bool | None = None) -> None:
        self._out = out or sys.stdout
        self._colour = self._out.isatty() and "NO_COLOR" not in os.environ if colour is None else colour
        # start.py says when it began, so that its steps and ours share one clock.
        self._started_s = float(os.environ.get("PADDOCK_STARTED_S") or time.monotonic())
        self._level: dict[str, str] = {}  # by child: that of its last line
        self._log: logging.Handler | None = None

    def keep_log(self, log_path: Path) -> None:
        """From now on, also keep every line in ``log_path``."""
        log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log = _LogFile(log_path, self._write)
        formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self._log.setFormatter(formatter)

    def line(self, name: str, text: str, *, least: str = "INFO") -> None:
        """Show one line of the child ``name``, unless its level is below ``least``."""
        text = _CONTROL.sub("", text.rstrip())
        if not text:
            return
        level = level_of(text) or self._level.get(name, "INFO")
        self._level[name] = level
        self._keep(name, text)
        if _RANK[level] < _RANK[least]:
            return
        label = f"{name:<{NAME_WIDTH}}"
        if self._colour:
            label = f"{self._name_colour(name)}{label}{_RESET}"
            text = f"{_LEVEL_COLOURS.get(level, '')}{text}{_RESET}"
        self._write(f"{label} | {text}")

    def say(self, text: str, *, level: str = "INFO") -> None:
        """Show a line of the launcher's own."""
        self.line("paddock", f"{level} {text}")

    def step(self, text: str) -> None:
        """Show that a step of the set-up is done, with the seconds since the start."""
        seconds = time.monotonic() - self._started_s
        self._keep("paddock", f"INFO {text}")
        mark = "\x1b[32m✓\x1b[0m" if self._colour else "·"
        self._write(f"{mark} {text:<66} {seconds:6.1f} s")

    def headline(self, *lines: str, secret: bool = False) -> None:
        """Show lines in a frame; a ``secret`` is not kept in the log."""
        width = max(len(line) for line in lines)
        rule = "─" * (width + 2)
        bold, reset = (_BOLD, _RESET) if self._colour else ("", "")
        framed = [f"╭{rule}╮", *(f"│ {bold}{line:<{width}}{reset} │" for line in lines), f"╰{rule}╯"]
        for line in lines:
            self._keep("paddock", "INFO (shown on the console only)" if secret else f"INFO {line}")
        self._write("\n".join(framed))

    def _name_colour(self, name: str) -> str:
        return _NAME_COLOURS[sum(name.encode()) % len(_NAME_COLOURS)]

    def _keep(self, name: str, text: str) -> None:
        if self._log is not None:
            record = logging.LogRecord(name, logging.INFO, "", 0, f"{name} {text}", None, None)
            self._log.handle(record)

    def _write(self, text: str) -> None:
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except UnicodeEncodeError:
            self._out.write(text.encode("ascii", "replace").decode() + "\n")
        except (OSError, ValueError):
            # The terminal is gone, or the file that stands in for it is full; the strategies trade on.
            self._out = Path(os.devnull).open("w")  # noqa: SIM115 - stands in for stdout until the end
