"""A desk: one account on one scene, to which orders are handed without a strategy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.drawing import Scene
from tests.making import Bench
from trading.accounting.margin import LeverageLimits, MarginEvent, MarginTerms
from trading.accounting.positions import Position, RoundTrip
from trading.accounting.state import Worth
from trading.book import Side
from trading.engine import Outcome
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Purpose
from trading.signals import OrderType


def lending(long: Any = "1.5", short: Any = 2, **changes: Any) -> MarginTerms:
    """Return margin terms with these limits."""
    return MarginTerms(limits=LeverageLimits(Decimal(long), Decimal(short)), **changes)


class Desk(Bench):
    """Takes orders by hand: ``desk.buy(2, leverage=1.5)`` is filled in the next frame shown."""

    def __init__(self, book: Any = None, *, scene: Scene | None = None, **terms: Any) -> None:
        super().__init__(scene=scene, **terms)
        self._orders = 0
        if book is not None:
            self.show(book)  # pays in the stake

    def order(self, side: str, qty: Any, *, leverage: Any = None, symbol: str = "", **changes: Any) -> Order:
        """Send an order that arrives with the next frame; ``limit`` is a price in ticks."""
        instrument = next(i for i in self.scene.instruments if i.symbol == (symbol or self.scene.instruments[0].symbol))
        self._orders += 1
        limit = changes.pop("limit", None)
        sent = Order(
            order_id=f"desk:{self._orders}",
            symbol=instrument.symbol,
            side=Side(side),
            type=changes.pop("type", OrderType.MARKET if limit is None else OrderType.LIMIT),
            purpose=changes.pop("purpose", Purpose.ENTRY),
            lots=instrument.lots(Decimal(str(qty))),
            created_sequence=self.scene.sequence,
            created_ns=self.scene.now_ns,
            arrives_ns=self.scene.now_ns,
            limit_ticks=limit,
            leverage=None if leverage is None else Decimal(str(leverage)),
            **changes,
        )
        self.engine.venue.send(sent)
        return sent

    def trade(self, side: str, qty: Any, *, leverage: Any = None, symbol: str = "", **changes: Any) -> Outcome:
        """Send an order and show the frame in which it is filled."""
        self.order(side, qty, leverage=leverage, symbol=symbol, **changes)
        return self.show()

    def wait(self, hours: float, *args: Any, **changes: Any) -> Outcome:
        """Show the frame that comes so much later; those in between are missing."""
        self.scene.sequence += round(hours * 36_000) - 1
        return self.show(*args, **changes)

    @property
    def snapshot(self) -> MarketSnapshot:
        return self.scene.market.snapshot()

    @property
    def worth(self) -> Worth:
        found = self.engine.account.worth(self.snapshot)
        assert found is not None
        return found

    def loan(self, currency: str) -> Decimal:
        return self.engine.account.loan(currency)

    def position(self, symbol: str = "XRP/USD") -> Position:
        return self.engine.account.position(symbol)

    @property
    def trips(self) -> list[RoundTrip]:
        return [trip for outcome in self.outcomes for trip in outcome.trips]

    @property
    def events(self) -> list[MarginEvent]:
        return [event for outcome in self.outcomes for event in outcome.margin]

    def entries(self, kind: str) -> list[tuple[str, str, Decimal]]:
        """Party, currency and amount of every posting of a kind."""
        entries = [entry for outcome in self.outcomes for entry in outcome.entries]
        return [(e.party.value, e.currency, e.amount) for e in entries if e.kind == kind]
