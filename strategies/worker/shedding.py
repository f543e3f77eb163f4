"""What a worker leaves undone while it is behind: decided here, from its lag once a second.

In this order, and taken back in the other one: what nobody's account depends on first. Only the last steps change
what happens, so each of them is an event of every deployment that it concerns.
"""

from __future__ import annotations

from enum import IntEnum

BEHIND_S = 2.0  # from here on something must be left undone
FAR_BEHIND_S = 5.0  # only from here on anything that changes facts
CAUGHT_UP_S = 0.5
WORSE_FOR_S = 5  # so long it must have been behind and not become better
CALM_FOR_S = 15  # so long it must have caught up before something is taken back
MOST_CALM_FOR_S = 300  # each time that was too early doubles it, up to here


class Shed(IntEnum):
    """How much is left undone; each includes those before it."""

    NOTHING = 0
    SHADOWS = 1  # they end, and are forked anew
    POINTS = 2  # equity points are kept every minute instead of every five seconds
    HALF = 3  # a deployment with nothing open that is evaluated at every frame: at every second one
    QUARTER = 4
    EIGHTH = 5

    @property
    def evaluated_every(self) -> int:
        """At which frames a deployment with nothing open is evaluated: every frame, every second, fourth or eighth."""
        return 1 << max(0, self - Shed.POINTS)

    @property
    def words(self) -> str:
        """What is left undone, for a page; empty: nothing."""
        return "; ".join(_words(self))


def _words(shed: Shed) -> list[str]:
    words = []
    if shed >= Shed.SHADOWS:
        words.append("shadows are off")
    if shed >= Shed.POINTS:
        words.append("equity points once a minute")
    if shed >= Shed.HALF:
        words.append(f"deployments with nothing open are evaluated every {shed.evaluated_every} frames")
    return words


class Shedding:
    """One worker's; fed its lag about once a second."""

    def __init__(self) -> None:
        self.shed = Shed.NOTHING
        self._lags: list[float] = []  # since the last change, at most the last few
        self._calm_s = 0
        self._calm_for_s = CALM_FOR_S
        self._was_taken_back = False

    def measure(self, lag_s: float) -> bool:
        """Take in how far behind the worker is; return whether ``shed`` changed."""
        self._lags = [*self._lags[-WORSE_FOR_S:], lag_s]
        self._calm_s = self._calm_s + 1 if lag_s <= CAUGHT_UP_S else 0
        if self._is_worse(lag_s):
            if self._was_taken_back:
                self._calm_for_s = min(MOST_CALM_FOR_S, self._calm_for_s * 2)
            return self._change(Shed(self.shed + 1), was_taken_back=False)
        if self.shed and self._calm_s >= self._calm_for_s:
            return self._change(Shed(self.shed - 1), was_taken_back=True)
        if not self.shed and self._calm_s >= MOST_CALM_FOR_S:
            self._calm_for_s, self._was_taken_back = CALM_FOR_S, False
        return False

    def _is_worse(self, lag_s: float) -> bool:
        if self.shed == Shed.EIGHTH or len(self._lags) <= WORSE_FOR_S:
            return False
        limit_s = FAR_BEHIND_S if self.shed >= Shed.POINTS else BEHIND_S
        # One that catches up, after a start for instance, needs nothing but time.
        return min(self._lags) > limit_s and lag_s >= self._lags[0]

    def _change(self, shed: Shed, *, was_taken_back: bool) -> bool:
        self.shed, self._was_taken_back = shed, was_taken_back
        self._lags, self._calm_s = [], 0
        return True
