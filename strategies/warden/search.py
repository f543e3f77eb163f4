"""Which deployment ends its worker when nothing says so: found by having workers do without some of them.

First the worker runs with none of the suspects. If it ends even so, no deployment is to blame. Then one half after
the other is let back in: a half with which it lives is cleared, one with which it ends is halved again.
"""

from __future__ import annotations

from collections.abc import Iterable

DEATHS_TO_ACCUSE = 2  # in a row with the same deployment alone: once may be chance
LEAST_TRIAL_S = 3.0


class Search:
    """Decides which deployments the next worker does without; fed with how each worker ended or lived on."""

    def __init__(self, hosted: Iterable[int], lived_s: float) -> None:
        """Begin after workers have ended that held ``hosted``, after ``lived_s`` at most."""
        suspects = sorted(hosted)
        self._to_try: list[list[int]] = [suspects, []]  # the last one is on trial: at first nobody
        self._deaths = 0  # in a row with the same group on trial
        self.trial_s = max(LEAST_TRIAL_S, 2 * lived_s)  # a worker that lives so long is not ended by who is on trial

    @property
    def held_back(self) -> frozenset[int]:
        """The deployments that the worker does without now."""
        return frozenset(each for group in self._to_try[:-1] for each in group)

    @property
    def on_trial(self) -> tuple[int, ...]:
        """The deployments that the worker has back, to see whether it lives."""
        return tuple(self._to_try[-1]) if self._to_try else ()

    @property
    def is_over(self) -> bool:
        """True when nobody is suspected any more."""
        return not self._to_try

    def note_survival(self) -> None:
        """Take in that a worker has lived through the trial: who was on trial is cleared."""
        self._to_try.pop()
        self._deaths = 0

    def note_death(self, hosted: Iterable[int]) -> int | None:
        """Take in that the worker ended while it held ``hosted``; return who is to blame, None: not known yet.

        Raises:
            NobodyToBlame: it held nobody who is suspected.
        """
        tried = set(self._to_try[-1]) & set(hosted)
        if not tried:
            raise NobodyToBlame
        group = [each for each in self._to_try.pop() if each in tried]  # the others have another worker by now
        if len(group) > 1:
            middle = len(group) // 2
            self._to_try += [group[middle:], group[:middle]]
            self._deaths = 0
            return None
        self._deaths += 1
        if self._deaths < DEATHS_TO_ACCUSE:
            self._to_try.append(group)
            return None
        self._deaths = 0
        return group[0]


class NobodyToBlame(Exception):
    """The worker ends also without any suspect."""
