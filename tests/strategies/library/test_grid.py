"""The grid of grid_rsi_reversion: levels, the orders they know by ticket, and cycles."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from strategies.library.grid_rsi_reversion.grid import (
    Grid,
    forget_ended,
    held,
    lay,
    level_prices,
    nearest,
    note_bought,
    note_sold,
    stop_price,
)


def ladder() -> Grid:
    return lay([100.0, 98.0, 96.0, 94.0], 2.0, now_ns=1)


def buys(grid: Grid) -> list[float]:
    return [cell["buy"] for cell in grid["cells"]]


def test_levels_are_steps_of_the_centre_or_of_each_other_and_end_at_the_range() -> None:
    even = level_prices(100, 2, levels=9, range_pct=6, is_geometric=False)
    geometric = level_prices(100, 25, levels=2, range_pct=40, is_geometric=True)

    assert even == pytest.approx([100, 98, 96, 94])
    assert geometric == pytest.approx([100, 80, 64])


def test_each_level_sells_at_the_one_above_and_the_stop_lies_below_the_last() -> None:
    grid = ladder()

    assert [(cell["buy"], cell["sell"]) for cell in grid["cells"]] == [(98, 100), (96, 98), (94, 96)]
    assert stop_price(grid, 50) == 47


def test_levels_that_fall_on_one_tick_are_one() -> None:
    assert buys(lay([100.0, 99.0, 99.0, 98.0], 0.5, now_ns=1)) == [99.0, 98.0]


def test_the_nearest_free_levels_below_the_price_bid() -> None:
    assert [cell["buy"] for cell in nearest(ladder(), 97.0, 5)] == [96.0, 94.0]
    assert [cell["buy"] for cell in nearest(ladder(), 100.0, 2)] == [98.0, 96.0]


def test_a_level_at_which_another_asks_does_not_bid() -> None:
    grid = ladder()
    grid["cells"][1]["held"] = D(1)  # sells at 98

    assert [cell["buy"] for cell in nearest(grid, 99.0, 5)] == [94.0]


def test_fills_find_their_level_by_the_ticket_of_its_order_and_the_last_sale_is_the_cycle() -> None:
    grid = ladder()
    cell = grid["cells"][0]
    cell["bid"], cell["ask"] = "7:o0", "9:o1"
    for qty in ("0.1", "0.2"):
        note_bought(grid, "7:o0", D(qty))
    assert (cell["held"], held(grid)) == (D("0.3"), [cell])

    assert note_sold(grid, "9:o1", D("0.1"), now_ns=5) is cell
    assert (grid["cycles"], grid["cycle_ns"]) == (0, 1)
    assert note_sold(grid, "9:o1", D("0.2"), now_ns=6) is cell

    assert (held(grid), grid["cycles"], grid["cycle_ns"]) == ([], 1, 6)


def test_a_fill_of_another_order_is_no_levels() -> None:
    grid = ladder()
    note_bought(grid, "7:o0", D(1))

    assert (held(grid), note_sold(grid, "7:o0:stop_loss", D(1), now_ns=5)) == ([], None)


def test_an_order_that_is_no_longer_live_is_forgotten() -> None:
    grid = ladder()
    grid["cells"][0]["bid"], grid["cells"][1]["bid"] = "7:o0", "7:o1"

    forget_ended(grid, {"7:o1"})

    assert [cell["bid"] for cell in grid["cells"]] == ["", "7:o1", ""]


def test_a_new_grid_keeps_what_the_old_one_holds() -> None:
    before = ladder()
    before["cells"][1]["held"], before["cells"][1]["ask"] = D(1), "9:o0"

    grid = lay([97.0, 96.0, 95.0], 1.0, now_ns=9, kept=held(before))

    assert (buys(grid), held(grid)) == ([96.0, 95.0], [before["cells"][1]])
