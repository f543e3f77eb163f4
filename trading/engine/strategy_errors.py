"""What a strategy raised, described so that it can be put on record whatever it was."""

from __future__ import annotations

from traceback import TracebackException

from trading.bounds import storable

LONGEST_SUMMARY = 300
LONGEST_TRACEBACK = 20_000


class Interrupted(BaseException):
    """The strategy took too long. No Exception: it shall not be caught with those that a strategy expects."""


def described(error: BaseException) -> tuple[str, str]:
    """Return one line with the kind, the words and the place of ``error``, and its traceback.

    Both can be written to any database: a strategy's words may hold what no text there may.
    """
    trace = TracebackException.from_exception(error)
    if isinstance(error, Interrupted):
        trace.stack.pop()  # the signal handler; the strategy was one frame further up
    where = trace.stack[-1]
    summary = f"{type(error).__name__}: {_words(error)} ({where.name}, line {where.lineno})"
    return storable(summary, LONGEST_SUMMARY), storable("".join(trace.format()), LONGEST_TRACEBACK)


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        # An error's words are the strategy's code, too.
        return "an error that fails to say what it is"
