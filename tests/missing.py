"""A market of which frames get lost: every frame that was cut, and every book as it truly was."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.drawing import START_NS, instrument
from trading.book import BookTop, Level
from trading.frames import STALE, Frame, Gap, sequence_at
from trading.snapshot import DataSnapshot

PAIRS = (instrument("XRP/USD"), instrument("BTC/USD"), instrument("XRP/BTC"))
SYMBOLS = tuple(pair.symbol for pair in PAIRS)
KEYFRAME_EVERY = 7
RESTARTS = "the feed was not running"


@dataclass(frozen=True)
class Lossy:
    """Frames as a feed cuts them, with restarts of the feed among them, and which of them are lost."""

    seed: int
    count: int
    lost: frozenset[int]

    @property
    def frames(self) -> list[Frame]:
        """All frames that were cut."""
        return list(self._cut()[0])

    @property
    def received(self) -> list[Frame]:
        """The frames that are left."""
        return [frame for number, frame in enumerate(self.frames) if number not in self.lost]

    def wrong_books(self, snapshot: DataSnapshot) -> list[str]:
        """Return the symbols whose book ``snapshot`` shows as known and which was another one at its frame."""
        truth = self._cut()[1].get(snapshot.sequence, {})
        shown = {s: snapshot.top_or_none(s) for s in SYMBOLS if snapshot.status(s) != STALE}
        return [symbol for symbol, top in shown.items() if top is not None and top != truth.get(symbol)]

    def _cut(self) -> tuple[list[Frame], dict[int, dict[str, BookTop]]]:
        dice, books, statuses, made, truth = random.Random(self.seed), {}, {}, [], {}
        sequence = sequence_at(START_NS)
        for number in range(self.count):
            is_restart = number > 0 and dice.random() < 0.1
            gap = None
            if is_restart:
                published, sequence = sequence - 1, sequence + dice.randrange(0, 40)
                gap = Gap(published * 10**8, (sequence - 1) * 10**8, RESTARTS)
            changed = {s: _book(dice) for s in SYMBOLS if number == 0 or dice.random() < 0.4}
            books = changed if is_restart else books | changed
            now = {s: "online" if s in books else STALE for s in SYMBOLS}
            is_keyframe = number == 0 or is_restart or sequence % KEYFRAME_EVERY == 0
            made.append(
                Frame(
                    sequence=sequence,
                    time_ns=sequence * 10**8,
                    books=dict(books) if is_keyframe else changed,
                    statuses=now if is_keyframe else {s: t for s, t in now.items() if statuses.get(s) != t},
                    instruments=PAIRS if is_keyframe else (),
                    gap=gap,
                    is_keyframe=is_keyframe,
                )
            )
            statuses, truth[sequence], sequence = now, dict(books), sequence + 1
        return made, truth


def _book(dice: random.Random) -> BookTop:
    mid = dice.randrange(1_000, 100_000)
    return BookTop((Level(mid - 1, dice.randrange(1, 9)),), (Level(mid + 1, dice.randrange(1, 9)),))


lossy_markets = st.builds(
    Lossy, st.integers(0, 2**32), st.integers(1, 60), st.frozensets(st.integers(0, 59), max_size=50)
)
