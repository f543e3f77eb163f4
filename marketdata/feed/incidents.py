"""One feed event a cause: what comes again and again is counted on its first event, and so is what many pairs have."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from marketdata.feed_events import FeedEventKind, Incident
from trading.frames import NS_PER_S

PER_SECOND = 20  # new ones; more say nothing new, and would fill the database
RECURS_WITHIN_NS = 60 * NS_PER_S  # of its last time: then it is the same event, going on
LASTS_NS = 3_600 * NS_PER_S  # then it begins a new one, so that it stays among the newest
PAIRS_NAMED = 5  # within a second, with the same event; the others share one
MOST_OPEN = 200  # causes that are remembered; the oldest begin anew when they recur
# Each of these is a fact of its own, that later ones refer to or that names what was lost.
_NEVER_COUNTED = frozenset({FeedEventKind.GAP, FeedEventKind.REPAIR, FeedEventKind.STATUS, FeedEventKind.STANDBY})
# A connection that comes and goes: the first few say when, the others that it goes on.
_OWN_EVENTS = {FeedEventKind.CONNECT: 3, FeedEventKind.DISCONNECT: 3}
_NEVER_SHARED = frozenset({FeedEventKind.GAP, FeedEventKind.REPAIR})
# What differs from time to time though the cause is the same: numbers, and what is quoted off the wire.
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")

_Cause = tuple[FeedEventKind, str, str]


class Incidents:
    """Those that were noted, by their cause; handed over again whenever one has recurred."""

    def __init__(self) -> None:
        self.left_out = 0
        self._open: dict[_Cause, Incident] = {}  # the longest unseen first
        self._own: Counter[_Cause] = Counter()  # events that an open cause has had
        self._waiting: dict[tuple[object, ...], Incident] = {}  # to be handed over, in the order noted
        self._noted = 0
        self._second = 0
        self._new_this_second = 0
        self._pairs: Counter[tuple[FeedEventKind, str]] = Counter()  # this second, by kind and words

    def note(self, time_ns: int, kind: FeedEventKind, symbol: str, detail: str, cause: str = "") -> None:
        """Take one in; ``cause`` is what its detail says every time, where that is less than all of it."""
        if (second := time_ns // NS_PER_S) != self._second:
            self._second, self._new_this_second = second, 0
            self._pairs.clear()
        words = _VARYING.sub("#", cause or detail)
        key = (kind, symbol, words)
        if kind not in _NEVER_COUNTED and self._recurs(key, time_ns):
            return
        is_counted = kind not in _NEVER_COUNTED
        if symbol and kind not in _NEVER_SHARED:
            self._pairs[(kind, words)] += 1
            if self._pairs[(kind, words)] > PAIRS_NAMED:
                symbol, detail, is_counted = "", f"other pairs, too: {detail}", True
                key = (kind, "", f"other pairs: {words}")
                if self._recurs(key, time_ns):
                    return
        self._begin(key, Incident(time_ns, kind, symbol, detail), is_counted=is_counted)

    def hand_over(self) -> list[Incident]:
        """Return those that are new or have recurred since the last time, in the order of their beginning."""
        found, self._waiting = list(self._waiting.values()), {}
        return found

    def _recurs(self, key: _Cause, time_ns: int) -> bool:
        """Count it on its event; return False when that is over, or was another one."""
        known = self._open.get(key)
        if known is None:
            return False
        last_ns = known.until_ns or known.time_ns
        if not last_ns <= time_ns <= last_ns + RECURS_WITHIN_NS or time_ns - known.time_ns > LASTS_NS:
            self._own[key] = 0
            return False
        if self._own[key] < _OWN_EVENTS.get(key[0], 1):
            return False
        del self._open[key]
        self._open[key] = self._waiting[key] = replace(known, count=known.count + 1, until_ns=time_ns)
        return True

    def _begin(self, key: _Cause, incident: Incident, *, is_counted: bool) -> None:
        if self._new_this_second >= PER_SECOND:
            self.left_out += 1
            return
        self._new_this_second += 1
        self._noted += 1
        if not is_counted:
            self._waiting[(self._noted,)] = incident
            return
        if key in self._waiting:  # of the same cause, and over
            self._waiting[(self._noted,)] = self._waiting.pop(key)
        self._open.pop(key, None)
        self._open[key] = self._waiting[key] = incident
        self._own[key] += 1
        if len(self._open) > MOST_OPEN:
            oldest = next(iter(self._open))
            del self._open[oldest], self._own[oldest]
