"""The examples of how a fill happens, played and shown."""

from __future__ import annotations

from tests.making import Bench
from trading.exchange.examples import Event, Example
from trading.fills import Fill
from trading.frames import Gap

FRAME_NS = 100_000_000


def played(example: Example) -> tuple[Bench, list[list[Fill]]]:
    """Return the bench after the example, and the fills of each of its events."""
    entries = [list(example.before)] if example.before else []
    bench = Bench(*entries, [*example.wants], [*example.then], fill_model=example.model)
    bench.show(example.book)  # pays in the stake
    if example.before:
        bench.show()
        bench.show(example.book)
    bench.show()
    return bench, [list(shown(bench, event)) for event in example.events]


def shown(bench: Bench, event: Event) -> list[Fill]:
    fills: list[Fill] = []
    for number in range(event.frames):
        now_ns = bench.scene.now_ns
        gap = Gap(now_ns - FRAME_NS, now_ns, "drawn") if event.after_gap else None
        book = event.book if number == 0 and event.book else None
        fills += bench.show(book, trades=event.prints, gap=gap).fills
    return fills
