"""The orders of one answer, each with the ticket by which its fills will be known."""

from __future__ import annotations

from collections.abc import Mapping

from trading.portfolio import OpenOrder
from trading.signals import Amend, Cancel, Signal
from trading.strategy import MAX_SIGNALS

Live = Mapping[str, OpenOrder]  # by ticket


class Slip:
    """What is asked for at one frame; what no longer fits on it is asked for at the next."""

    def __init__(self, sequence: int) -> None:
        self.wanted: list[Signal | Cancel | Amend] = []
        self.bid_usd = 0.0  # what its purchases are worth; account currency
        self._sequence = sequence

    def add(self, one: Signal | Cancel | Amend) -> str:
        """Return the ticket of what was added, empty when the slip is full."""
        if len(self.wanted) == MAX_SIGNALS:
            return ""
        self.wanted.append(one)
        return f"{self._sequence}:o{len(self.wanted) - 1}"


def ticket_of(order_id: str) -> str:
    """Return the end of an order's id that its strategy knows when it asks for it: all but the deployment."""
    return order_id.partition(":")[2]
