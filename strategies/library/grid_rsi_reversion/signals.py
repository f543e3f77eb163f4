"""Where the grid lies, what its levels ask and bid, and when all of it is sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trading.orders import Purpose
from trading.portfolio import Holding, OpenOrder
from trading.signals import Amend, Cancel, NoSignal, OrderType, Signal, SizeUnit
from trading.snapshot import DataSnapshot

from .._rules.holding import gain_pct, leave
from .bids import RETRY_NS, Turn, hindrance, tend_bids, withdraw
from .config import Config
from .grid import Grid, adopted, forget_ended, held, lay, level_prices
from .reading import read
from .slip import Slip, ticket_of

NS_PER_S = 1_000_000_000
REASONS = {
    "max_drawdown": "too far below the average purchase",
    "stale_position": "no cycle for too long",
}


def generate_signal(
    data: DataSnapshot, config: Config, state: dict[str, Any]
) -> list[Signal | Cancel | Amend | NoSignal]:
    """Tend the grid of each symbol: its orders are what should be in the book now and is not."""
    slip, reasons = Slip(data.sequence), []
    for symbol in data.symbols:
        reason = _tend(data, config, state, symbol, slip)
        if reason is not None:
            reasons.append(NoSignal(reason.code, reason.detail, symbol))
    return [*slip.wanted, *reasons]


def _tend(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, slip: Slip) -> NoSignal | None:
    reading = read(data, symbol, config, state)
    if reading.rsi is None or reading.atr_pct is None or reading.adx is None:
        return NoSignal("warming_up")
    orders, holding = data.portfolio.open_orders(symbol), data.portfolio.position(symbol)
    live = {ticket_of(order.order_id): order for order in orders if order.limit_price is not None}
    turn = Turn(data, config, state, symbol, config.numbers(symbol), reading, data.price(symbol), live, slip)
    grid = _present_grid(turn, holding)
    _show(turn, grid)
    if any(_is_way_out(order) for order in orders):
        return NoSignal("leaving")
    if strangers := _strangers(turn, grid):
        for order in strangers:
            slip.add(Cancel(order.order_id))
        return NoSignal("cancelling", f"{len(strangers)} orders belong to no level")
    if grid is not None and holding is not None:
        grid["leaving"] = grid["leaving"] or _exit_code(turn, grid, holding)
        if grid["leaving"]:
            return _leave(turn, grid, holding)
    code = hindrance(turn)
    if grid is None:
        if code and holding is None:
            return NoSignal(code)
        grid = _laid(turn, holding)
    elif _is_due(turn, grid):
        grid = _laid(turn, holding, grid)
    _tend_asks(turn, grid)
    if code:
        withdraw(turn, grid["cells"])
        return NoSignal(code)
    return tend_bids(turn, grid)


def _present_grid(turn: Turn, holding: Holding | None) -> Grid | None:
    """Return the grid with its live orders alone; None before there is one, and once all it held is sold at once."""
    grids = turn.state.setdefault("grids", {})
    grid: Grid | None = grids.get(turn.symbol)
    if grid is None:
        return None
    if holding is None and (held(grid) or grid["leaving"]):
        del grids[turn.symbol]
        return None
    forget_ended(grid, turn.live)
    return grid


def _is_way_out(order: OpenOrder) -> bool:
    return order.purpose == Purpose.EXIT and order.limit_price is None


def _strangers(turn: Turn, grid: Grid | None) -> list[OpenOrder]:
    """Return the orders of a grid that is no more."""
    cells = [] if grid is None else grid["cells"]
    known = {cell[side] for cell in cells for side in ("bid", "ask")}
    return [order for ticket, order in turn.live.items() if ticket not in known]


def _exit_code(turn: Turn, grid: Grid, holding: Holding) -> str:
    if gain_pct(holding, turn.price) <= -turn.config.max_drawdown_pct:
        return "max_drawdown"
    is_stale = turn.data.time_ns - grid["cycle_ns"] > turn.config.stale_after_s * NS_PER_S
    return "stale_position" if is_stale else ""


def _leave(turn: Turn, grid: Grid, holding: Holding) -> NoSignal | None:
    """Sell all, once no order of the grid is left: what is asked for cannot be sold a second time."""
    code = grid["leaving"]
    if turn.live:
        for order in turn.live.values():
            turn.slip.add(Cancel(order.order_id))
        return NoSignal("leaving", REASONS[code])
    turn.slip.add(leave(holding, reason=REASONS[code], code=code))
    return None


def _is_due(turn: Turn, grid: Grid) -> bool:
    """Return whether the grid should be laid anew: after enough cycles, or when the price has left it empty."""
    config = turn.config
    if turn.data.time_ns - grid["laid_ns"] < config.recentre_min_s * NS_PER_S:
        return False
    if turn.reading.adx is None or turn.reading.adx > config.adx_recentre:
        return False
    if grid["cycles"] >= config.recentre_cycles:
        return True
    if held(grid):
        return False
    lowest = min((cell["buy"] for cell in grid["cells"]), default=grid["centre"])
    return not lowest < turn.price < grid["centre"] * (1 + grid["spacing_pct"] / 100)


def _laid(turn: Turn, holding: Holding | None, before: Grid | None = None) -> Grid:
    """Return a grid around the price; what is held keeps its levels, what is held without one is given one."""
    own, config, reading = turn.own, turn.config, turn.reading
    instrument = turn.data.instrument(turn.symbol)

    def on_the_grid(price: float) -> float:
        return instrument.price_float(instrument.nearest_ticks(price))

    widened = max(own.spacing_pct * reading.spacing, (reading.atr_pct or 0.0) * config.atr_spacing)
    spacing_pct = min(widened, own.range_pct)  # there is always one level
    prices = level_prices(
        turn.price, spacing_pct, levels=own.levels, range_pct=own.range_pct, is_geometric=own.is_geometric
    )
    kept = [] if before is None else held(before)
    if holding is not None and before is None:
        sell = on_the_grid(holding.average_price * (1 + spacing_pct / 100))
        kept = [adopted(Decimal(str(holding.qty)), holding.average_price, sell)]
    grid = lay(map(on_the_grid, prices), spacing_pct, turn.data.time_ns, kept=kept)
    turn.state["grids"][turn.symbol] = grid
    return grid


def _tend_asks(turn: Turn, grid: Grid) -> None:
    """Ask one level up for what each level holds: as much as that is, however little has been bought yet."""
    now_ns = turn.data.time_ns
    for cell in held(grid):
        order = turn.live.get(cell["ask"])
        if order is None:
            if now_ns - cell["sent_ns"] >= RETRY_NS:
                cell["sent_ns"] = now_ns
                cell["ask"] = turn.slip.add(_ask(turn.symbol, cell["held"], cell["sell"]))
        elif Decimal(str(order.qty)) != cell["held"]:
            turn.slip.add(Amend(order.order_id, qty=Decimal(str(order.filled_qty)) + cell["held"]))


def _ask(symbol: str, qty: Decimal, price: float) -> Signal:
    return Signal.sell(
        symbol,
        qty,
        size_in=SizeUnit.BASE,
        order_type=OrderType.LIMIT,
        limit_price=price,
        reduce_only=True,
        reason="one level above its purchase",
        code="grid_cycle",
    )


def _show(turn: Turn, grid: Grid | None) -> None:
    reading = turn.reading
    turn.state.setdefault("indicators", {})[turn.symbol] = {
        "price": turn.price,
        "rsi": reading.rsi,
        "atr_pct": reading.atr_pct,
        "adx": reading.adx,
        "volume_ratio": reading.volume_ratio,
        "centre": None if grid is None else grid["centre"],
        "spacing_pct": None if grid is None else grid["spacing_pct"],
        "held_levels": None if grid is None else float(len(held(grid))),
        "cycles": float(turn.state.get("cycles", {}).get(turn.symbol, 0)),
    }
