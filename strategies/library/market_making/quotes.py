"""The two quotes that should rest in the book now, or why one of them should not."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from trading.book import Side
from trading.indicators.flow import TradeFlow
from trading.indicators.order_book import book_imbalance_at
from trading.instruments import Instrument
from trading.orders import Purpose
from trading.portfolio import Holding, OpenOrder
from trading.signals import NoSignal
from trading.snapshot import DataSnapshot

from .._rules.holding import side_of
from .config import Config, Numbers
from .quoting import adding_share, gain_bounds_pct, half_spread_pct, passive_price, reservation_price, widening
from .reading import Reading

NS_PER_S = 1_000_000_000
IMBALANCE_LEVELS = 10  # of each side of the book


class Quote(NamedTuple):
    """What should rest on one side."""

    price: float  # quote per base, on the tick grid
    qty: float  # base units


class Turn(NamedTuple):
    """One symbol at one frame."""

    data: DataSnapshot
    config: Config
    state: dict[str, Any]
    symbol: str
    own: Numbers
    reading: Reading
    orders: list[OpenOrder]
    holding: Holding | None  # None, too, while it is too little to be sold
    inventory: float  # share of the most that may be held, below zero when short
    fair: float
    half_pct: float  # from the reservation price to a quote
    reservation: float
    imbalance: float | None
    flow: TradeFlow | None
    takers: Side | None  # that lean on the book and are about to run over the other side

    @property
    def instrument(self) -> Instrument:
        """The symbol's rules."""
        return self.data.instrument(self.symbol)

    def reduces(self, side: Side) -> bool:
        """Return whether a quote on ``side`` is a way out."""
        return self.holding is not None and side is not side_of(self.holding)


def turn_of(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, own: Numbers, reading: Reading, fair: float
) -> Turn:
    """Return all that the quotes of a symbol follow from."""
    maker_pct = data.portfolio.maker_pct
    multiplier = reading.threshold * config.spread_sessions.at(data.time)
    half_pct = half_spread_pct(config, own, reading.volatility_pct, multiplier, maker_pct)
    inventory = max(-1.0, min(1.0, data.portfolio.value(symbol) / own.max_inventory_usd))
    orders = data.portfolio.open_orders(symbol)
    imbalance, flow = book_imbalance_at(data, symbol, IMBALANCE_LEVELS), config.flow.at(data, symbol)
    threshold = own.imbalance_threshold * multiplier * widening(reading.volatility_pct, config)
    return Turn(
        data,
        config,
        state,
        symbol,
        own,
        reading,
        orders,
        holding_of(data, symbol, orders),
        inventory,
        fair,
        half_pct,
        reservation_price(fair, inventory, half_pct, reading.volatility_pct, config),
        imbalance,
        flow,
        _takers(config, imbalance, flow, threshold),
    )


def holding_of(data: DataSnapshot, symbol: str, orders: Iterable[OpenOrder]) -> Holding | None:
    """Return what is held, None while it is less than the smallest order and none of the open ``orders`` offers it."""
    holding = data.portfolio.position(symbol)
    if holding is None or any(order.purpose == Purpose.EXIT and order.limit_price is not None for order in orders):
        return holding
    instrument, qty = data.instrument(symbol), Decimal(str(abs(holding.qty)))
    is_enough = instrument.lots_within(qty) >= max(1, instrument.qty_min_lots)
    return holding if is_enough and qty * Decimal(str(holding.average_price)) >= instrument.cost_min else None


def _takers(config: Config, imbalance: float | None, flow: TradeFlow | None, threshold: float) -> Side | None:
    """Return the side that is in a hurry while the book gives way to it, and the tape agrees."""
    if imbalance is None or abs(imbalance) <= threshold:
        return None
    side = Side.BUY if imbalance > 0 else Side.SELL
    return side if config.flow.agrees(side, flow) else None


def wanted_quote(turn: Turn, side: Side) -> Quote | NoSignal:
    """Return the quote for one side: a way out for what is held, always; one that adds if nothing speaks against it."""
    price = _price(turn, side)
    if turn.holding is not None and turn.reduces(side):
        return Quote(price, abs(turn.holding.qty))
    if side is Side.SELL and not turn.own.allows_short:
        return NoSignal("no_inventory", f"no {turn.instrument.base} is held to ask for")
    if code := _hindrance(turn, side):
        return NoSignal(code)
    return _addition(turn, side, price)


def _price(turn: Turn, side: Side) -> float:
    away = 1 + turn.config.step_back if side.opposite is turn.takers else 1.0
    sign = -1 if side is Side.BUY else 1
    price = turn.reservation * (1 + sign * turn.half_pct * away / 100)
    if turn.holding is not None and turn.reduces(side):
        average, age_s = turn.holding.average_price, (turn.data.time_ns - turn.holding.opened_ns) / NS_PER_S
        least, most = gain_bounds_pct(turn.config, turn.own, age_s, turn.data.portfolio.maker_pct)
        gain = max(least, min(most, (price / average - 1) * 100 * sign))
        price = average * (1 + sign * gain / 100)
    top = turn.data.top(turn.symbol)
    return passive_price(turn.instrument, side, price, top.bids[0].ticks, top.asks[0].ticks)


def _hindrance(turn: Turn, side: Side) -> str:
    """Return the code of what keeps a quote that adds out of the book, empty when nothing does."""
    config, reading = turn.config, turn.reading
    if config.breaker.is_resting(turn.data.time_ns, turn.state):
        return "circuit_breaker"
    if reading.is_paused:
        return "extreme_volatility"
    against = -reading.steep_candles if side is Side.BUY else reading.steep_candles
    if config.avoids_trends and against >= config.trend_confirmations:
        return "trending_market"
    return "low_correlation" if reading.is_decoupled else ""


def _addition(turn: Turn, side: Side, price: float) -> Quote | NoSignal:
    data, limits = turn.data, turn.config.limits
    wanted = turn.own.size_usd * turn.reading.size * turn.config.size_sessions.at(data.time)
    wanted *= adding_share(turn.inventory, turn.config)
    size = limits.size(data, turn.symbol, side, wanted, turn.own.max_inventory_usd)
    if isinstance(size, NoSignal):
        return size
    quote = turn.instrument.quote
    if side is Side.BUY:
        free = data.portfolio.worth(quote, _spendable(turn, quote))
        if free < limits.min_trade_usd:
            return NoSignal("insufficient_funds", f"{free:.2f} in {quote} is free to buy {turn.instrument.base} with")
        size = min(size, free)
    return Quote(price, size / data.portfolio.worth(quote, price))


def _spendable(turn: Turn, currency: str) -> float:
    """Return what no other order has spoken for and is no inventory of another market, the fee of spending it aside."""
    portfolio, fee = turn.data.portfolio, 1 + turn.data.portfolio.taker_pct / 100
    kept = 0.0
    for symbol in turn.data.symbols:
        if symbol.startswith(f"{currency}/") and (holding := portfolio.position(symbol)):
            kept += max(0.0, holding.qty)
    for order in portfolio.open_orders():
        is_ours = order.symbol == turn.symbol
        if order.limit_price and order.side is Side.BUY and order.symbol.endswith(f"/{currency}") and not is_ours:
            kept += order.qty * order.limit_price * fee
    return max(0.0, portfolio.balance(currency) - kept) / fee
