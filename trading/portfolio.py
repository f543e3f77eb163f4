"""What a strategy may read of its own account."""

from __future__ import annotations

from dataclasses import dataclass

from trading.accounting.account import Account
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.fees import Liquidity
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order


@dataclass(frozen=True, slots=True)
class Holding:
    """A position as strategies read it."""

    symbol: str
    qty: float  # base units, below zero when short
    average_price: float  # quote per base, fees left out
    opened_ns: int


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A live order as strategies read it."""

    order_id: str
    symbol: str
    side: Side
    qty: float  # base units, still open
    limit_price: float | None
    trigger_price: float | None
    purpose: str
    filled_qty: float = 0.0  # base units; an amendment counts them in


class Portfolio:
    """What a strategy may know of its own account; read-only and computed when it is read."""

    __slots__ = ("_account", "_orders", "_snapshot")

    def __init__(self, account: Account, orders: tuple[Order, ...], snapshot: MarketSnapshot) -> None:
        self._account = account
        self._orders = orders
        self._snapshot = snapshot

    @property
    def cash(self) -> float:
        """The account's own currency at hand."""
        return float(self._account.balance(self._account.state.currency))

    def balance(self, currency: str) -> float:
        """Return what is held of ``currency``."""
        return float(self._account.balance(currency))

    def owed(self, currency: str) -> float:
        """Return what is owed of ``currency``; a short owes its base, a leveraged long its quote."""
        return float(self._account.loan(currency))

    @property
    def margin_level_pct(self) -> float | None:
        """Equity in percent of the used margin; None while none is used or a price is missing."""
        standing = self._account.buying_power.standing(self._snapshot) if self._account.state.loans else None
        return None if standing is None or standing.level_pct is None else float(standing.level_pct)

    @property
    def equity(self) -> float | None:
        """What the account would fetch now, in its currency; None while a price is missing."""
        worth = self._account.worth(self._snapshot)
        return None if worth is None else float(worth.equity)

    def position(self, symbol: str) -> Holding | None:
        """Return the open position in ``symbol``, None when flat."""
        position = self._account.state.positions.get(symbol)
        if position is None or position.lots == 0:
            return None
        instrument = self._snapshot.instrument(symbol)
        qty = instrument.qty(position.lots)
        return Holding(symbol, float(qty), float(position.cost / abs(qty)), position.opened_ns)

    def value(self, symbol: str) -> float:
        """Return what the position in ``symbol`` is worth at mid, in the account's currency; below zero when short."""
        position = self._account.state.positions.get(symbol)
        if position is None or position.lots == 0:
            return 0.0
        instrument = self._snapshot.instrument(symbol)
        rate = mid_rate(self._snapshot, instrument.base, self._account.state.currency)
        assert rate is not None, "a strategy is evaluated only while all worth is known"
        return float(instrument.qty(position.lots) * rate)

    def worth(self, currency: str, amount: float) -> float:
        """Return what ``amount`` of a currency that it trades is worth at mid, in the account's currency."""
        rate = mid_rate(self._snapshot, currency, self._account.state.currency)
        assert rate is not None, "a strategy is evaluated only while all worth is known"
        return amount * float(rate)

    @property
    def taker_pct(self) -> float:
        """What taking from the book costs now, percent of the value."""
        return float(self._account.fee_bps(Liquidity.TAKER, self._snapshot.time_ns)) / 100

    @property
    def maker_pct(self) -> float:
        """What being taken from the book costs now, percent of the value."""
        return float(self._account.fee_bps(Liquidity.MAKER, self._snapshot.time_ns)) / 100

    def is_flat(self, symbol: str) -> bool:
        """True when nothing is held or being bought in ``symbol``."""
        return self.position(symbol) is None and not self.open_orders(symbol)

    def open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        """Return the orders that may still be filled, oldest first."""
        return [self._shown(order) for order in self._orders if symbol in (None, order.symbol)]

    def _shown(self, order: Order) -> OpenOrder:
        instrument = self._snapshot.instrument(order.symbol)
        limit, trigger = order.limit_ticks, order.trigger_ticks
        return OpenOrder(
            order.order_id,
            order.symbol,
            order.side,
            instrument.qty_float(order.open_lots),
            None if limit is None else instrument.price_float(limit),
            None if trigger is None else instrument.price_float(trigger),
            order.purpose.value,
            instrument.qty_float(order.filled_lots),
        )
