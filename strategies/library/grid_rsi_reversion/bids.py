"""Which levels bid, and for how much."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from trading.book import Side
from trading.portfolio import OpenOrder
from trading.signals import Amend, Cancel, NoSignal, OrderType, Signal, SizeUnit
from trading.snapshot import DataSnapshot

from .._rules.cooldown import is_cooling
from .config import Config, Numbers
from .grid import Cell, Grid, held, nearest, stop_price
from .reading import Reading, rsi_size, zones
from .slip import Live, Slip

RETRY_NS = 10_000_000_000  # before an order that ended unfilled is sent again
RESIZE_FROM = 0.05  # share by which a resting bid must differ from what is wanted


class Turn(NamedTuple):
    """One symbol at one frame."""

    data: DataSnapshot
    config: Config
    state: dict[str, Any]
    symbol: str
    own: Numbers
    reading: Reading
    price: float
    live: Live
    slip: Slip


def hindrance(turn: Turn) -> str:
    """Return the code of what takes bids out of the book again, empty when nothing does."""
    config, reading = turn.config, turn.reading
    if config.breaker.is_resting(turn.data.time_ns, turn.state):
        return "circuit_breaker"
    if reading.is_paused:
        return "regime_pause"
    if config.avoids_trends and (reading.adx or 0) > config.adx_trend:
        return "trend_filter"
    return ""


def tend_bids(turn: Turn, grid: Grid) -> NoSignal | None:
    """Bid at the levels nearest below the price, and at no others; return why it is no more than that."""
    room = max(0, turn.own.max_held_levels - len(held(grid)))
    wanted = nearest(grid, turn.price, min(turn.config.live_bids, room))
    withdraw(turn, [cell for cell in grid["cells"] if cell["bid"] and not cell["held"] and cell not in wanted])
    version = turn.data.candles(turn.symbol, "5m").version
    if grid["sized"] != version:
        grid["sized"] = version
        if reason := _resize(turn, grid):
            return reason
    now_ns = turn.data.time_ns
    missing = [cell for cell in wanted if not cell["bid"] and now_ns - cell["sent_ns"] >= RETRY_NS]
    if missing:
        return _reluctance(turn, grid) or _place(turn, grid, missing)
    return NoSignal("max_accumulation", f"{len(held(grid))} levels are held") if room == 0 else _at_rest(wanted)


def _at_rest(wanted: list[Cell]) -> NoSignal:
    if not wanted:
        return NoSignal("no_grid_levels", "no free level lies below the price")
    return NoSignal("price_not_at_level", f"the nearest bid is at {wanted[0]['buy']:g}")


def withdraw(turn: Turn, cells: Iterable[Cell]) -> None:
    """Take the bids of these levels out of the book."""
    for cell in cells:
        if cell["bid"] in turn.live:
            turn.slip.add(Cancel(turn.live[cell["bid"]].order_id))


def _reluctance(turn: Turn, grid: Grid) -> NoSignal | None:
    """Return what keeps further bids out of the book but leaves in it those that rest there."""
    config, data, symbol = turn.config, turn.data, turn.symbol
    if is_cooling(symbol, turn.own.cooldown_s, data.time_ns, turn.state):
        return NoSignal("cooldown")
    if (turn.reading.volume_ratio or 0) < config.min_volume_ratio:
        return NoSignal("low_volume", f"{turn.reading.volume_ratio or 0:.2f} of the usual volume")
    # A bid is post-only; a sale is not, and takes where the price is above its level already.
    if refusal := config.fees.refusal(grid["spacing_pct"], data.portfolio.maker_pct + data.portfolio.taker_pct):
        return refusal
    if not config.flow.allows(Side.BUY, config.flow.at(data, symbol)):
        return NoSignal("flow_against_trade")
    return None


def _place(turn: Turn, grid: Grid, cells: list[Cell]) -> NoSignal | None:
    wanted = _wanted_usd(turn)
    if wanted == 0:
        return NoSignal("correlation_limit", "it moves with what is held")
    limits, rate = turn.config.limits, _rate(turn)
    if wanted < limits.min_trade_usd:
        return NoSignal("insufficient_size", f"{wanted:.2f} is too little")
    room = _room_usd(turn)
    for cell in cells:
        cell["sent_ns"] = turn.data.time_ns
        usd = min(wanted, room)
        if usd < limits.min_trade_usd:
            return NoSignal("max_position", f"{max(0.0, room):.2f} of room is left")
        room -= usd
        turn.slip.bid_usd += usd
        cell["bid"] = turn.slip.add(_bid(turn, grid, cell, usd / rate / cell["buy"]))
    return None


def _bid(turn: Turn, grid: Grid, cell: Cell, qty: float) -> Signal:
    return Signal.buy(
        turn.symbol,
        qty,
        size_in=SizeUnit.BASE,
        order_type=OrderType.LIMIT,
        limit_price=cell["buy"],
        post_only=True,
        stop_loss=stop_price(grid, turn.own.stop_loss_pct),
        reason="a level of the grid",
        code="grid_buy",
        metadata={"sells_at": cell["sell"]},
    )


def _resize(turn: Turn, grid: Grid) -> NoSignal | None:
    """Give resting bids the size that the newest candle asks for, as far as there is room; zero takes them back."""
    bidding = [cell for cell in grid["cells"] if cell["bid"] in turn.live and not cell["held"]]
    if not bidding:
        return None
    wanted = _wanted_usd(turn)
    if wanted < turn.config.limits.min_trade_usd:
        withdraw(turn, bidding)
        return NoSignal("insufficient_size" if wanted else "correlation_limit", f"{wanted:.2f} is wanted")
    rate, room = _rate(turn), _room_usd(turn)
    for cell in bidding:
        order = turn.live[cell["bid"]]
        now = order.qty * cell["buy"] * rate
        usd = min(wanted, now + max(0.0, room))
        if abs(usd / now - 1) > RESIZE_FROM:
            turn.slip.add(Amend(order.order_id, qty=usd / rate / cell["buy"]))
            room -= usd - now
            turn.slip.bid_usd += usd - now
    return None


def _wanted_usd(turn: Turn) -> float:
    """Return the size of a bid before limits, account currency: zero when it moves with what is held elsewhere."""
    data, config, own, reading = turn.data, turn.config, turn.own, turn.reading
    assert reading.rsi is not None, "nothing is bid before it is known"
    assert reading.atr_pct is not None, "nothing is bid before it is known"
    oversold, overbought = zones(own, config, reading.atr_pct)
    others = sum(other != turn.symbol and data.portfolio.value(other) > 0 for other in data.symbols)
    together = config.correlated.multiplier(data, turn.symbol, Side.BUY) * config.beside_others_size**others
    by_rsi = rsi_size(reading.rsi, oversold, overbought, config.rsi_extreme_size)
    return own.size_usd * reading.size * config.sessions.at(data.time) * by_rsi * together


def _room_usd(turn: Turn) -> float:
    """Return how much more may be bid for, account currency: what rests in the book counts as held."""
    data, limits, quote = turn.data, turn.config.limits, turn.symbol.partition("/")[2]
    bids = [order for order in data.portfolio.open_orders() if order.side is Side.BUY]
    in_all = sum(_usd(data, order) for order in bids) + turn.slip.bid_usd
    here = sum(_usd(data, order) for order in bids if order.symbol == turn.symbol)
    of_quote = sum(_usd(data, order) for order in bids if order.symbol.endswith(f"/{quote}")) + turn.slip.bid_usd
    free = data.portfolio.worth(quote, data.portfolio.balance(quote)) / (1 + data.portfolio.taker_pct / 100)
    return min(
        limits.total_usd - in_all - sum(abs(data.portfolio.value(symbol)) for symbol in data.symbols),
        turn.own.max_position_usd - here - data.portfolio.value(turn.symbol),
        free - of_quote,
    )


def _usd(data: DataSnapshot, order: OpenOrder) -> float:
    return data.portfolio.worth(order.symbol.partition("/")[2], order.qty * (order.limit_price or 0.0))


def _rate(turn: Turn) -> float:
    return turn.data.portfolio.worth(turn.symbol.partition("/")[2], 1.0)
