"""Frames folded and evaluations a second on one core; what a resting order and a fill cost."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from benchmarks._reporting import extra_us, rates, report
from trading.book import BookTop, Level, Side
from trading.candles import MINUTE_NS
from trading.engine import Engine, Terms
from trading.engine.risk import RiskLimits
from trading.frames import Frame, History, Trade, decode_frame, encode_frame
from trading.indicators.averages import ema
from trading.instruments import Instrument
from trading.market import Market
from trading.run import folded, run
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Strategy

FRAMES = 3_000
DEPLOYMENTS = 20
LEAGUE = 100
MOST_RESTING = 10
FIRST = 17_834_688_000
PAIRS = tuple(
    Instrument(symbol=f"{base}/USD", base=base, quote="USD", price_decimals=2, qty_decimals=8)
    for base in ("BTC", "ETH", "SOL", "XRP")
)


def past(symbol: str) -> History:
    """Return an hour of minutes from before the first frame."""
    minutes = ((FIRST * 10**8 // MINUTE_NS - back) * MINUTE_NS for back in range(60, 0, -1))
    return History(symbol, "1m", tuple((start, 10**6, 10**6 + 50, 10**6 - 50, 10**6, 10**8, 9) for start in minutes))


def frames() -> list[Frame]:
    """Return five minutes of four busy pairs: 25 levels a side, a book change in most frames, two prints a frame."""
    dice, mid, made, ids = random.Random(7), 1_000_000, [], 0
    for number in range(FRAMES):
        sequence = FIRST + number
        books, trades = {}, []
        for pair in PAIRS:
            mid += dice.randint(-50, 50)
            bids = tuple(Level(mid - 5 - 10 * n, dice.randint(10**6, 10**9)) for n in range(25))
            asks = tuple(Level(mid + 5 + 10 * n, dice.randint(10**6, 10**9)) for n in range(25))
            if number == 0 or dice.random() < 0.8:
                books[pair.symbol] = BookTop(bids, asks)
            if dice.random() < 0.5:
                ids += 1
                trades.append(Trade(pair.symbol, ids, Side.BUY, mid, dice.randint(10**4, 10**8), sequence * 10**8 - 1))
        made.append(
            Frame(
                sequence=sequence,
                time_ns=sequence * 10**8,
                books=books,
                trades=tuple(trades),
                statuses={pair.symbol: "online" for pair in PAIRS} if number == 0 else {},
                system="online" if number == 0 else "",
                instruments=PAIRS if number == 0 else (),
                history=tuple(past(pair.symbol) for pair in PAIRS) if number == 0 else (),
                is_keyframe=number == 0,
            )
        )
    return made


def idle(data: DataSnapshot, config: Any, state: dict[str, Any]) -> NoSignal:
    """Read a price, as any strategy does, and do nothing."""
    return NoSignal("idle" if data.price(config["symbol"]) else "never")


def crossing(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Signal | NoSignal:
    """Compare two averages of minutes, when the spread is narrow: a light strategy, evaluated in every frame."""
    symbol = config["symbol"]
    candles = data.candles(symbol)
    top = data.top(symbol)
    if top.asks[0].ticks - top.bids[0].ticks > config["max_spread_ticks"]:
        return NoSignal("wide_spread")
    is_above = bool(ema(candles, 9)[-1] > ema(candles, 21)[-1])
    was_above, state["was_above"] = state.get("was_above", is_above), is_above
    if is_above == was_above:
        return NoSignal("no_cross")
    return Signal.buy(symbol, 20) if is_above else Signal.sell(symbol)


def busy(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Signal:
    """Trade in every frame."""
    symbol = config["symbol"]
    return Signal.buy(symbol, 20) if data.portfolio.position(symbol) is None else Signal.sell(symbol)


def resting(count: int) -> Any:
    """Return a strategy that bids ``count`` times, one to five percent below the market, and leaves it at that."""

    def generate_signal(data: DataSnapshot, config: Any, state: dict[str, Any]) -> list[Signal] | NoSignal:
        if state.setdefault("has_bid", False):
            return NoSignal("resting")
        state["has_bid"] = True
        symbol = config["symbol"]
        away = (1 - (1 + 4 * n / MOST_RESTING) / 100 for n in range(count))
        return [
            Signal.buy(symbol, 20, order_type="limit", limit_price=round(data.price(symbol) * below, 2))
            for below in away
        ]

    return generate_signal


def deployments(generate_signal: Any, count: int = DEPLOYMENTS, **terms: Any) -> list[Engine]:
    """Return fresh engines, an equal part of them on each pair."""
    engines = []
    for number in range(count):
        symbols = (PAIRS[number % len(PAIRS)].symbol,)
        strategy = Strategy(
            name="bench", version="1", symbols=symbols, generate_signal=generate_signal, warmup={"1m": 21}
        )
        its_terms = Terms(slug=f"bench-{number}", symbols=symbols, stake=Decimal(10_000), **terms)
        engines.append(Engine(strategy, {"max_spread_ticks": 20, "symbol": symbols[0]}, its_terms))
    return engines


def shown(stream: list[Frame], engines: list[Engine]) -> int:
    """Show every frame to every engine; return how often one was shown."""
    ended = run(folded(stream, Market()), engines, Engine.process)
    assert ended.frames == len(stream), "no frame is missing"
    return len(stream) * len(engines)


def run_resting(stream: list[Frame], orders: int) -> int:
    """Show every frame to engines with so many resting orders each; return how often an order was matched."""
    engines = deployments(resting(orders))
    evaluations = shown(stream, engines)
    assert all(len(engine.open_orders) == orders for engine in engines), "none was filled or refused"
    return evaluations * max(orders, 1)


def run_filling(stream: list[Frame]) -> int:
    """Trade in every frame; return how many fills came of it."""
    engines = deployments(busy, latency_ms=100, risk=RiskLimits(max_orders_per_minute=6_000))
    shown(stream, engines)
    fills = sum(engine.figures.fills for engine in engines)
    assert fills > len(engines) * len(stream) // 2, f"only {fills} fills came of it"
    return fills


def costs(stream: list[Frame]) -> dict[str, dict[str, float]]:
    """Return what orders cost: the first that rests and each of nine more, per frame; a fill, from signal to mark."""
    return {
        "first_resting_order_us": extra_us(lambda: run_resting(stream, 1), lambda: run_resting(stream, 0)),
        "further_resting_order_us": extra_us(
            lambda: run_resting(stream, MOST_RESTING) * (MOST_RESTING - 1) // MOST_RESTING,
            lambda: run_resting(stream, 1),
        ),
        "fill_us": extra_us(lambda: run_filling(stream), lambda: shown(stream, deployments(idle))),
    }


def main() -> None:
    """Measure and report."""
    stream = frames()
    encoded = [encode_frame(frame) for frame in stream]
    figures = {
        "frames_encoded_per_s": rates(lambda: len([encode_frame(frame) for frame in stream])),
        "frames_decoded_per_s": rates(lambda: len([decode_frame(data) for data in encoded])),
        "frames_folded_per_s": rates(lambda: shown(stream, []) or len(stream)),
        "evaluations_per_s": rates(lambda: shown(stream, deployments(crossing, LEAGUE)), 3),
        "idle_evaluations_per_s": rates(lambda: shown(stream, deployments(idle)), 3),
        "trading_evaluations_per_s": rates(lambda: shown(stream[:600], deployments(busy)), 3),
        **costs(stream[:600]),
    }
    report("engine", figures, ("msgspec", "numpy"))


if __name__ == "__main__":
    main()
