"""Standard input and output that may have been closed by whoever started us. Standard library only."""

import contextlib
import os
import sys
from typing import TextIO


def open_streams() -> None:
    """Put the null device in the place of each standard stream that is closed.

    Else the next file that is opened gets its number, and a line for a person goes into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    # None where it was closed when Python began.
    streams: dict[str, TextIO | None] = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
    for number, (name, stream) in enumerate(streams.items()):
        if stream is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - until the end


def say(stream: TextIO, text: str) -> None:
    """Write a line for a person; that nobody can read it is no error."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except UnicodeEncodeError:
        say(stream, text.encode("ascii", "backslashreplace").decode())
    except (OSError, ValueError):
        forget(stream)


def forget(stream: TextIO) -> None:
    """Have what a stream still holds, and all that it will be given, go nowhere: its reader is gone."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
