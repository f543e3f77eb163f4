"""The run loop: frames folded into one market, and each member shown the market as of each frame.

Live, replayed, rehearsed or measured, it is this loop. A member is usually an engine; ``turn`` shows
it the frame. What a user adds (time measured, errors caught, progress written) it adds in ``turn``,
``begin`` and ``between``. Between two frames nothing is half done: a run may be stopped there, and
goes on from the market and the engines as they were saved there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, TypeVar

from trading.frames import Frame
from trading.gaps import foldable
from trading.market import Market
from trading.market_snapshot import MarketSnapshot

Member = TypeVar("Member")
Scene = tuple[Frame, MarketSnapshot]  # a frame, and the market as of it


class Progress(NamedTuple):
    """How far a run has come."""

    frames: int  # shown in this run
    sequence: int  # of the last one; zero before the first
    time_ns: int  # its market time
    is_stopped: bool = False  # ``between`` wanted no more frames


def folded(frames: Iterable[Frame], market: Market) -> Iterator[Scene]:
    """Fold each frame when it is due; yield it as it was folded, with the market as of it.

    Frames at or before the market's are left out, so that a market restored goes on after its own;
    so are those that must be after missing frames (`trading.gaps`).
    """
    for frame in frames:
        known = foldable(frame, market)
        if known is not None:
            market.fold(known)
            yield known, market.snapshot()


def run(
    scenes: Iterable[Scene],
    members: Collection[Member],
    turn: Callable[[Member, Frame, MarketSnapshot], object],
    *,
    begin: Callable[[Frame], object] | None = None,
    between: Callable[[Progress], bool] | None = None,
) -> Progress:
    """Give every member its turn at every scene, in the order of ``members``; return how far it came.

    ``begin`` is called when a frame is folded and before the first turn, ``between`` after the last
    turn: False ends the run there. ``members`` may change in ``between``. What ``turn`` raises ends
    the run with the frame half shown, so a run that is to survive it catches it in ``turn``.
    """
    frames, sequence, time_ns = 0, 0, 0
    for frame, snapshot in scenes:
        if begin is not None:
            begin(frame)
        for member in members:
            turn(member, frame, snapshot)
        frames, sequence, time_ns = frames + 1, frame.sequence, frame.time_ns
        if between is not None and not between(Progress(frames, sequence, time_ns)):
            return Progress(frames, sequence, time_ns, is_stopped=True)
    return Progress(frames, sequence, time_ns)
