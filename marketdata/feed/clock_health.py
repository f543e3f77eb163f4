"""Whether this machine's clock is right: what the exchange's answers say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marketdata.kraken.exchange_clock import WRONG_NS
from trading.frames import NS_PER_S

RIGHT_NS = NS_PER_S  # a clock that was wrong is right again below this
SURE_AFTER_NS = 60 * NS_PER_S  # in which the feed's clock is wrong without a break, before it is set


@dataclass(slots=True)
class ClockHealth:
    """The machine's clock against the exchange's; the feed's own may have been set to be right."""

    corrected_ns: int = 0  # the feed's clock less the machine's
    is_wrong: bool = False
    _ahead_ns: int | None = None  # the exchange, of the feed's clock; None while it is not known
    _wrong_since_ns: int | None = None

    @property
    def machine_wrong_ns(self) -> int | None:
        """How far the machine's clock is behind the exchange's (+) or ahead of it (-); None while it is not known."""
        if self._ahead_ns is None:
            return self.corrected_ns if abs(self.corrected_ns) > WRONG_NS else None
        return self._ahead_ns + self.corrected_ns

    def measure(self, ahead_ns: int, now_ns: int) -> str | None:
        """Take in how far the exchange is ahead of the feed's clock; return a message when the machine's is news."""
        self._ahead_ns = ahead_ns
        is_off = abs(ahead_ns) > WRONG_NS
        self._wrong_since_ns = (self._wrong_since_ns or now_ns) if is_off else None
        wrong_ns = ahead_ns + self.corrected_ns
        if not self.is_wrong and abs(wrong_ns) > WRONG_NS:
            self.is_wrong = True
            return wrong_words(wrong_ns)
        if self.is_wrong and abs(wrong_ns) < RIGHT_NS:
            self.is_wrong = False
            return "this clock is right again"
        return None

    def was_set(self, by_ns: int) -> None:
        """Take note that the feed's clock was set."""
        self._ahead_ns = None if self._ahead_ns is None else self._ahead_ns - by_ns
        self._wrong_since_ns = None

    def due_ns(self, now_ns: int) -> int:
        """Return by how much the feed's clock is to be set now, zero while it is right or may yet turn out to be."""
        since_ns = self._wrong_since_ns
        if since_ns is None or self._ahead_ns is None or now_ns - since_ns < SURE_AFTER_NS:
            return 0
        return self._ahead_ns

    def report(self) -> dict[str, Any]:
        """Return seconds: how far this machine's clock is behind (+) or ahead (-), and what the feed adds to it."""
        wrong_ns = self.machine_wrong_ns
        return {
            "behind_s": None if wrong_ns is None else round(wrong_ns / NS_PER_S, 3),
            "corrected_s": round(self.corrected_ns / NS_PER_S, 3),
            "is_wrong": self.is_wrong,
        }


def wrong_words(wrong_ns: int) -> str:
    """Return the message about a clock that is wrong; above zero it is behind."""
    direction = "behind" if wrong_ns > 0 else "ahead of"
    return f"this clock is wrong by {abs(wrong_ns) / NS_PER_S:.1f} s: it is {direction} the exchange's"
