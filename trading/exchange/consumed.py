"""What has been taken of displayed levels and public prints: by one account, or by all that share one book."""

from __future__ import annotations

import msgspec

from trading.book import Level
from trading.exchange.rules import Prints, is_beyond, prints_of
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order
from trading.recount import Decimals, Recount, decimals_of


class Taken(msgspec.Struct, array_like=True):
    """What was had from a level, while the level showed ``displayed``."""

    displayed: int
    lots: int


Memory = dict[str, dict[str, dict[int, Taken]]]  # symbol -> side taken from -> ticks


class OutOfTurn(ValueError):
    """Deployments that share a book were not matched in the order of their slugs."""


class Takings:
    """Remembers what was taken of each level until the level changes. A paper order moves no market."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def prints(self, slug: str, frame: Frame, snapshot: MarketSnapshot) -> Prints:
        """Return the frame's prints, none of them used up; ``slug`` is whose orders they are for."""
        return prints_of(frame, snapshot)

    def left(self, order: Order, snapshot: MarketSnapshot) -> list[Level]:
        """Return what the order could take: the displayed levels less what was had of them, best first.

        It ends with the level at which the order would be filled whole.
        """
        memory = self._memory.get(order.symbol, {}).get(order.side.opposite, {})
        levels, wanted = [], order.open_lots
        for level in snapshot.top(order.symbol).opposite(order.side):
            ticks, lots = level
            if wanted <= 0 or (order.limit_ticks is not None and is_beyond(order.side, ticks, order.limit_ticks)):
                break
            had = memory.get(ticks)
            if had is not None and had.displayed == lots:
                if had.lots >= lots:
                    continue
                level = Level(ticks, lots - had.lots)
            levels.append(level)
            wanted -= level.lots
        return levels

    def recount(self, change: Recount) -> None:
        """Count what was had of one instrument's levels in its new decimals; a level that they do not know is whole."""
        for side, levels in self._memory.get(change.symbol, {}).items():
            counted = (
                (change.ticks(ticks), change.lots(had.displayed), change.lots_around(had.lots))
                for ticks, had in levels.items()
            )
            self._memory[change.symbol][side] = {
                ticks: Taken(displayed, lots)
                for ticks, displayed, lots in counted
                if ticks is not None and displayed is not None
            }

    def remember(self, order: Order, level: Level, snapshot: MarketSnapshot) -> None:
        """Count what the order has just had of a level that is displayed."""
        side, top = order.side.opposite, snapshot.top(order.symbol)
        memory = self._memory.setdefault(order.symbol, {}).setdefault(side.value, {})
        # Levels that have changed or gone since are whole again: forget them.
        for ticks in [t for t, had in memory.items() if top.lots_at(side, t) != had.displayed]:
            del memory[ticks]
        had = memory.setdefault(level.ticks, Taken(top.lots_at(side, level.ticks), 0))
        had.lots += level.lots


class SharedBook(Takings):
    """One market for all deployments of a league: what one has taken, the next finds gone.

    Handed to each engine. Within a frame the deployments are matched in the order of
    their slugs, so that the same frames give the same fills on any machine; they must
    all be on one worker. ``memory`` is all that must survive a restart.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory: Memory = {} if memory is None else memory
        super().__init__(self.memory)
        self._sequence = -1
        self._last_slug = ""
        self._prints = Prints({})
        self._decimals: dict[str, Decimals] = {}  # of what was counted anew since it was loaded

    def recount(self, change: Recount) -> None:
        """Count anew once, however many accounts that share the book say so."""
        if self._decimals.get(change.symbol, change.old) == change.old:
            self._decimals[change.symbol] = decimals_of(change.new)
            super().recount(change)

    def prints(self, slug: str, frame: Frame, snapshot: MarketSnapshot) -> Prints:
        """Return the frame's prints with what those before ``slug`` have used up of them.

        Raises:
            OutOfTurn: a later slug has had its turn in this frame already.
        """
        if frame.sequence != self._sequence:
            self._sequence, self._last_slug, self._prints = frame.sequence, "", prints_of(frame, snapshot)
        if slug <= self._last_slug:
            raise OutOfTurn(f"{slug!r} comes after {self._last_slug!r} in frame {frame.sequence}; expected by slug")
        self._last_slug = slug
        return self._prints
