"""How far the exchange's clock is ahead of ours: what its answers to our requests prove.

An answer says when the exchange took the request in, and when it sent the answer. It cannot have taken it in before
we sent it, nor sent it after we received it: so each answer gives a least and a most. Late messages widen the range,
they do not move it: a slow network is not taken for a wrong clock.
"""

from __future__ import annotations

from statistics import median_low

import msgspec

from trading.frames import NS_PER_S

WRONG_NS = 2 * NS_PER_S  # from here on a clock is wrong
WIDEST_NS = 4 * NS_PER_S  # a wider range proves too little
COUNTED = 5  # newest ranges, of which the middle counts: one odd answer changes nothing
NEEDED = 3
KEPT_NS = 600 * NS_PER_S


class Range(msgspec.Struct, array_like=True):
    """One answer's proof: the exchange's clock less ours."""

    least_ns: int
    most_ns: int
    at_ns: int  # received, by our clock


class ExchangeClock(msgspec.Struct):
    """The newest ranges of one connection."""

    ranges: list[Range] = []

    def answered(self, sent_ns: int, taken_ns: int, answered_ns: int, received_ns: int) -> None:
        """Take in an answer: our two times, and between them the exchange's two."""
        found = Range(answered_ns - received_ns, taken_ns - sent_ns, received_ns)
        if 0 <= found.most_ns - found.least_ns <= WIDEST_NS:
            kept = [known for known in self.ranges if received_ns - known.at_ns <= KEPT_NS]
            self.ranges = [*kept, found][-COUNTED:]

    @property
    def ahead_ns(self) -> int | None:
        """How far the exchange's clock is ahead of ours; None while too few answers say so."""
        if len(self.ranges) < NEEDED:
            return None
        return median_low([(one.least_ns + one.most_ns) // 2 for one in self.ranges])

    def forget(self) -> None:
        """Begin anew: our clock was set, or stood still."""
        self.ranges = []
