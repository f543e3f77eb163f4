"""The grid: levels at which it buys, each with the level at which it sells, and what has come of them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from decimal import Decimal
from itertools import islice, pairwise
from typing import TypedDict

NONE = Decimal(0)


class Cell(TypedDict):
    """One level below the centre. A ticket is the end of an order's id: its frame and its place in the answer."""

    buy: float  # quote per base
    sell: float  # the level above
    held: Decimal  # base units that were bought here and not yet sold
    bid: str  # ticket of the order to buy, empty while there is none
    ask: str  # ticket of the order to sell
    sent_ns: int  # when the order that is next for it was sent last


class Grid(TypedDict):
    """The levels of one symbol, highest first."""

    centre: float  # quote per base
    spacing_pct: float
    laid_ns: int
    cycle_ns: int  # when a cycle was completed last; before the first, when it was laid
    cycles: int  # since it was laid
    leaving: str  # why all is being sold, empty while it is not
    sized: int  # version of the candles by which the bids were sized
    cells: list[Cell]


def level_prices(
    centre: float, spacing_pct: float, *, levels: int, range_pct: float, is_geometric: bool
) -> list[float]:
    """Return the centre and the levels below it that lie in the range, falling."""
    step = spacing_pct / 100
    shares = [(1 + step) ** -n if is_geometric else 1 - n * step for n in range(levels + 1)]
    lowest = 1 - range_pct / 100 - 1e-9  # a level that lies on the edge is within
    return [centre * share for share in shares if share >= lowest]


def lay(prices: Iterable[float], spacing_pct: float, now_ns: int, *, kept: Iterable[Cell] = ()) -> Grid:
    """Return a grid over falling prices, the first of which is its centre.

    Levels of a former grid that are still held are kept, with their orders; no two levels buy at one price.
    """
    levels = list(dict.fromkeys(prices))
    cells = list(kept)
    taken = {cell["buy"] for cell in cells}
    cells += [_cell(buy, sell) for sell, buy in pairwise(levels) if buy not in taken]
    return {
        "centre": levels[0],
        "spacing_pct": spacing_pct,
        "laid_ns": now_ns,
        "cycle_ns": now_ns,
        "cycles": 0,
        "leaving": "",
        "sized": 0,
        "cells": sorted(cells, key=lambda cell: -cell["buy"]),
    }


def adopted(qty: Decimal, average_price: float, sell: float) -> Cell:
    """Return a level for what is held without one."""
    return {**_cell(average_price, sell), "held": qty}


def _cell(buy: float, sell: float) -> Cell:
    return {"buy": buy, "sell": sell, "held": NONE, "bid": "", "ask": "", "sent_ns": 0}


def held(grid: Grid) -> list[Cell]:
    """Return the levels that hold something."""
    return [cell for cell in grid["cells"] if cell["held"]]


def nearest(grid: Grid, price: float, count: int) -> list[Cell]:
    """Return the ``count`` levels nearest below ``price`` that hold nothing; one that bids already may be above it.

    A level at or above a price that we ask would buy from ourselves: it waits.
    """
    below = min([price, *(cell["sell"] for cell in held(grid))])
    free = (cell for cell in grid["cells"] if not cell["held"] and (cell["bid"] or cell["buy"] < below))
    return list(islice(free, count))


def stop_price(grid: Grid, stop_loss_pct: float) -> float:
    """Return the price below the lowest level at which all is lost."""
    return min(cell["buy"] for cell in grid["cells"]) * (1 - stop_loss_pct / 100)


def forget_ended(grid: Grid, live: Container[str]) -> None:
    """Forget the orders that are no longer live: filled, cancelled or refused."""
    for cell in grid["cells"]:
        if cell["bid"] not in live:
            cell["bid"] = ""
        if cell["ask"] not in live:
            cell["ask"] = ""


def note_bought(grid: Grid, ticket: str, qty: Decimal) -> None:
    """Add what a bid has brought to its level."""
    for cell in grid["cells"]:
        if cell["bid"] == ticket:
            cell["held"] += qty
            cell["sent_ns"] = 0


def note_sold(grid: Grid, ticket: str, qty: Decimal, now_ns: int) -> Cell | None:
    """Take off what a paired sale has sold, and count the cycle when nothing is left; None for other sales."""
    for cell in grid["cells"]:
        if cell["ask"] == ticket:
            cell["held"] -= qty
            if not cell["held"]:
                grid["cycles"] += 1
                grid["cycle_ns"] = now_ns
                cell["sent_ns"] = 0
            return cell
    return None
