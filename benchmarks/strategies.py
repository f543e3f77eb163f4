"""What an evaluation of each library strategy costs, and how many mixed deployments one core holds at 100 ms."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial

import django

from benchmarks._reporting import rates, report
from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.past import Past
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES
from trading.engine import Engine, Terms
from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, Frame, History
from trading.market import Market
from trading.market_snapshot import MarketSnapshot
from trading.run import Scene, folded, run

FRAMES = 600  # a minute, and the candle that closes in it
DEPLOYMENTS = 1_000
FRAME_NS = FRAME_INTERVAL_MS * NS_PER_MS
BEGIN_NS = 1_783_425_600 * 10**9 + 30 * 10**9
PAST_CANDLES = {"1m": 120, "5m": 320, "15m": 60, "1h": 40, "4h": 10, "1d": 3}


def past(market: SimulatedMarket, symbol: str) -> list[History]:
    """Return the candles that ended when the first frame begins."""
    history, begin, pieces = Past(market, symbol), BEGIN_NS // MINUTE_NS, []
    for timeframe, count in PAST_CANDLES.items():
        width = TIMEFRAME_MINUTES[timeframe]
        candles = history.candles(begin // width * width - count * width, count, width)
        rows = tuple((c.start_ns, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in candles)
        pieces.append(History(symbol, timeframe, rows))
    return pieces


def frames() -> list[Frame]:
    """Return a minute of the simulated market as the feed would cut it."""
    market, made = SimulatedMarket(1), []
    for number in range(FRAMES):
        now_ns, is_first = BEGIN_NS + number * FRAME_NS, number == 0
        made.append(
            Frame(
                sequence=now_ns // FRAME_NS,
                time_ns=now_ns,
                books={symbol: market.book(symbol, now_ns, 25) for symbol in market.pairs},
                trades=tuple(t for symbol in market.pairs for t in market.trades(symbol, now_ns - FRAME_NS, now_ns)),
                instruments=tuple(pair.instrument for pair in market.pairs.values()) if is_first else (),
                statuses=dict.fromkeys(market.pairs, "online") if is_first else {},
                system="online" if is_first else "",
                history=tuple(piece for symbol in market.pairs for piece in past(market, symbol)) if is_first else (),
                is_keyframe=is_first,
            )
        )
    return made


def scenes_of(stream: list[Frame]) -> list[Scene]:
    """Return each frame with the market as of it."""
    return list(folded(stream, Market()))


def engine_of(name: str, number: int = 0, trigger: str = "") -> Engine:
    """Return a deployment of a library strategy under its usual numbers; ``trigger`` empty: its own."""
    from strategies.versions import registry

    found = registry.strategy(name)
    found = replace(found, trigger=trigger or found.trigger)
    assets = {"BTC": Decimal("0.001")} if "XRP/BTC" in found.symbols else {}
    terms = Terms(slug=f"{name}-{number}", symbols=found.symbols, stake=Decimal(200), assets=assets)
    return Engine(found, found.config({}), terms)


def evaluated(name: str, scenes: list[Scene], *, is_cold: bool) -> int:
    """Evaluate a strategy at every frame; cold, nothing that was computed before is remembered."""
    return run(scenes, [engine_of(name, trigger="frame")], processed_cold if is_cold else Engine.process).frames


def processed_cold(engine: Engine, frame: Frame, snapshot: MarketSnapshot) -> None:
    """Show a frame of which nothing is computed yet."""
    snapshot.memo.clear()
    for series in snapshot.series.values():
        series.memo.clear()
    engine.process(frame, snapshot)


def held(stream: list[Frame], names: list[str]) -> int:
    """Show the stream to a worker's thousand mixed deployments; return how many it would have held at 100 ms."""
    engines = [engine_of(names[number % len(names)], number) for number in range(DEPLOYMENTS)]
    scenes = scenes_of(stream)
    began = time.perf_counter()
    run(scenes, engines, Engine.process)
    seconds = time.perf_counter() - began
    return int(DEPLOYMENTS * len(stream) * FRAME_INTERVAL_MS / 1_000 / seconds)


def microseconds(work: Callable[[], int]) -> dict[str, float]:
    """Return what a unit of work takes, with its spread."""
    found = rates(work, 3)
    named = {"median": found["median"], "least": found["most"], "most": found["least"]}
    return {name: round(1e6 / rate, 1) for name, rate in named.items()}


def main() -> None:
    """Measure and report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    django.setup()
    from strategies.versions import registry

    stream, names = frames(), sorted(registry.found())
    figures: dict[str, dict[str, float] | float] = {}
    for name in names:
        for kind, is_cold in (("live", False), ("cold", True)):
            figures[f"{name}_{kind}_us"] = microseconds(partial(evaluated, name, scenes_of(stream), is_cold=is_cold))
    counts = sorted(held(stream, names) for _ in range(3))
    figures["deployments_held_at_100_ms"] = {"median": counts[1], "least": counts[0], "most": counts[2]}
    report("strategies", figures, ("msgspec", "numpy", "ta-lib"))


if __name__ == "__main__":
    main()
