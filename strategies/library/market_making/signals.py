"""What is looked at in each frame, and when the quotes are: what has not moved costs next to nothing."""

from __future__ import annotations

from typing import Any

from trading.book import Side
from trading.indicators.order_book import micro_price_at
from trading.orders import Purpose
from trading.portfolio import OpenOrder
from trading.signals import Amend, Cancel, NoSignal, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import MAX_SIGNALS

from .._rules.holding import leave
from .config import Config
from .quotes import NS_PER_S, Quote, Turn, holding_of, turn_of, wanted_quote
from .reading import read
from .resting import Pace, quote_orders, tend, tend_stop

LOOK_EVERY_NS = NS_PER_S  # at the fair price, the book and the tape, as long as nothing else asks for it
MOST_PER_SYMBOL = 6  # orders, amendments and cancellations
NOTHING_HELD = "no_inventory"

Wanted = list[Signal | Cancel | Amend]


def generate_signal(
    data: DataSnapshot, config: Config, state: dict[str, Any]
) -> list[Signal | Cancel | Amend | NoSignal]:
    """Tend the quotes of each symbol; what does not fit into one answer waits for the next frame."""
    wanted: Wanted = []
    reasons: list[NoSignal] = []
    for symbol in data.symbols:
        if len(wanted) > MAX_SIGNALS - MOST_PER_SYMBOL:
            break
        reasons.append(_answer(data, config, state, symbol, wanted))
    return [*wanted, *reasons]


def _answer(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, wanted: Wanted) -> NoSignal:
    pace = _pace(state, symbol)
    if config.trailing.is_on and (reason := _trail(data, config, state, symbol, pace, wanted)):
        return NoSignal(reason.code, reason.detail, symbol)
    now_ns, version = data.time_ns, data.candles(symbol, "1m").version
    is_waiting = now_ns < pace["look_ns"] and version == pace["version"]
    if is_waiting and now_ns < pace["rest_ns"]:
        return NoSignal("time_cooldown", "", symbol)
    fair = _fair(data, symbol, config)
    if is_waiting and abs(fair / pace["fair"] - 1) * 100 <= config.tolerance_pct:
        return NoSignal("quotes_rest", "", symbol)
    is_rising = fair > pace["fair"]
    own, reading = config.numbers(symbol), read(data, symbol, config, state)
    turn = turn_of(data, config, state, symbol, own, reading, fair)
    changes, reason = _tended(turn, pace, (Side.SELL, Side.BUY) if is_rising else (Side.BUY, Side.SELL))
    pace["fair"], pace["version"] = fair, version
    if changes:
        pace["rest_ns"] = now_ns + round(own.cooldown_s * NS_PER_S)
        wanted += changes
    pace["look_ns"] = now_ns + LOOK_EVERY_NS
    return NoSignal(reason.code, reason.detail, symbol)


def _pace(state: dict[str, Any], symbol: str) -> Pace:
    paces: dict[str, Pace] = state.setdefault("pace", {})
    if symbol not in paces:
        paces[symbol] = {"look_ns": 0, "rest_ns": 0, "fair": 0.0, "version": 0, "placed": {}, "leaving": ""}
    return paces[symbol]


def _fair(data: DataSnapshot, symbol: str, config: Config) -> float:
    price = micro_price_at(data, symbol) if config.uses_micro_price else None
    return data.mid(symbol) if price is None else price


def _tended(turn: Turn, pace: Pace, sides: tuple[Side, Side]) -> tuple[Wanted, NoSignal]:
    """Return what is to be done about stop and quotes, and why no more is quoted.

    The quote that the price comes towards moves first, lest the other one meet it.
    """
    changes: Wanted = list(tend_stop(turn))
    quotes = {side: wanted_quote(turn, side) for side in sides}
    for side, quote in quotes.items():
        changes += tend(turn, side, quote if isinstance(quote, Quote) else None, pace)
    _show(turn, quotes)
    refusals = [quote for quote in quotes.values() if isinstance(quote, NoSignal)]
    refusals.sort(key=lambda refusal: refusal.code == NOTHING_HELD)
    return changes, refusals[0] if refusals else NoSignal("quotes_rest")


def _trail(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, pace: Pace, wanted: Wanted
) -> NoSignal | None:
    """Sell all once the price has fallen back from its best: first the quotes, which have spoken for it, are taken out.

    Return None while there is nothing to leave.
    """
    orders = data.portfolio.open_orders(symbol)
    holding = holding_of(data, symbol, orders)
    if holding is None:
        pace["leaving"] = ""
        return None
    if config.trailing.is_hit(holding, data.price(symbol), state):
        pace["leaving"] = "trailing_stop"
    if not pace["leaving"]:
        return None
    if any(_is_way_out_at_once(order) for order in orders):
        return NoSignal("leaving", "the order is under way")
    quotes = [order for order in orders if order.limit_price is not None]
    wanted += [Cancel(order.order_id) for order in quotes]
    if not quotes:
        wanted.append(leave(holding, reason="fell back from its best", code=pace["leaving"]))
    pace["look_ns"] = 0
    return NoSignal("leaving", "fell back from its best")


def _is_way_out_at_once(order: OpenOrder) -> bool:
    return order.purpose == Purpose.EXIT and order.limit_price is None and order.trigger_price is None


def _show(turn: Turn, quotes: dict[Side, Quote | NoSignal]) -> None:
    resting = {side: next((order.limit_price for order in quote_orders(turn, side)), None) for side in quotes}
    turn.state.setdefault("indicators", {})[turn.symbol] = {
        "price": turn.fair,
        "reservation": turn.reservation,
        "half_spread_pct": turn.half_pct,
        "inventory": turn.inventory,
        "bid": resting[Side.BUY],
        "ask": resting[Side.SELL],
        "imbalance": turn.imbalance,
        "flow": turn.flow and turn.flow.imbalance,
        "volatility_pct": turn.reading.volatility_pct,
        "slope_pct": turn.reading.slope_pct,
    }
