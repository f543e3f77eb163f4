"""What the simulated exchange remembers is bounded: it runs in the feed's process for weeks."""

from __future__ import annotations

from marketdata.simulation.chance import _lattice
from marketdata.simulation.market import SimulatedMarket

BEGAN_NS = 1_783_468_800_000_000_000
HOUR_S = 3_600


def test_levels_that_prices_have_left_are_forgotten() -> None:
    market = SimulatedMarket(7)
    book = market._books["BTC/USD"]
    sizes = []
    for second in range(0, 4 * HOUR_S, 10):
        market.book("BTC/USD", BEGAN_NS + second * 1_000_000_000, 25)
        sizes.append(len(book._cache))

    assert max(sizes) <= 4_000
    assert max(sizes[: len(sizes) // 2]) >= max(sizes) / 2  # it does not grow any more


def test_what_chance_remembers_is_a_few_hundred_kilobytes() -> None:
    assert (_lattice.cache_info().maxsize or 0) <= 5_000


def test_the_cache_changes_no_book() -> None:
    remembering, fresh = SimulatedMarket(7), SimulatedMarket(7)
    for second in range(0, HOUR_S, 7):
        remembering.book("BTC/USD", BEGAN_NS + second * 1_000_000_000, 25)

    moment = BEGAN_NS + HOUR_S * 1_000_000_000
    assert remembering.book("BTC/USD", moment, 100) == fresh.book("BTC/USD", moment, 100)
