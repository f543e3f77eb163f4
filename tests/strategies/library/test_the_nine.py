"""An hour of the simulated market, traded by every strategy of the library: no errors, no chance, no amnesia."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from marketdata.simulation.market import SimulatedMarket
from marketdata.simulation.past import Past
from strategies import registry
from tests.marketdata.virtual_exchange import CoarseMarket
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES
from trading.engine import Engine, Outcome, Terms
from trading.fills import Fill, digest
from trading.frames import NS_PER_S, Frame, History
from trading.market import Market
from trading.snapshot import DataSnapshot

pytestmark = pytest.mark.slow
BEGIN_NS = 1_783_425_600 * NS_PER_S
FRAME_NS = NS_PER_S // 10
STEP_NS = 2 * NS_PER_S
FRAMES = 1_800
PAST_CANDLES = {"1m": 120, "5m": 320, "15m": 60, "1h": 40, "4h": 10, "1d": 3}
RESTARTS = (350, 901, 1_500)  # frames after which one is shut down and another goes on
# Numbers at which an hour is long enough to trade in; who is not named trades with the usual ones, or waits.
LIVELY: dict[str, dict[str, Any]] = {
    "grid_rsi_reversion": {
        "spacing_pct": 0.15,
        "atr_spacing": 0,
        "fees": {"is_on": False},
        "breaker": {"is_on": False},
    },
    "mean_reversion": {"deviation_pct": 0.05, "rsi_oversold": 48, "rsi_overbought": 52, "band_tolerance_pct": 1},
    "wavetrend": {"needs_zone_exit": False, "least_confidence": 0.5},
    "whale_sentiment": {"fear_pct": -0.3, "greed_pct": 0.3, "confidence": {"least": 0.4}},
}
Shown = list[tuple[Frame, DataSnapshot]]


def past(market: SimulatedMarket, symbol: str) -> list[History]:
    """Return the candles that ended when the hour begins."""
    told, begin = Past(market, symbol), BEGIN_NS // MINUTE_NS
    pieces = []
    for timeframe, count in PAST_CANDLES.items():
        width = TIMEFRAME_MINUTES[timeframe]
        candles = told.candles(begin // width * width - count * width, count, width)
        rows = tuple((c.start_ns, c.open, c.high, c.low, c.close, c.volume, c.trades) for c in candles)
        pieces.append(History(symbol, timeframe, rows))
    return pieces


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Two seconds each, with what the market was then; the first brings the past."""
    market = CoarseMarket(1)
    return [frame_at(market, BEGIN_NS + at * STEP_NS, is_first=at == 0) for at in range(FRAMES)]


def frame_at(market: SimulatedMarket, now_ns: int, *, is_first: bool) -> Frame:
    symbols = market.pairs
    return Frame(
        sequence=now_ns // FRAME_NS,
        time_ns=now_ns,
        books={symbol: market.book(symbol, now_ns, 10) for symbol in symbols},
        trades=tuple(trade for symbol in symbols for trade in market.trades(symbol, now_ns - STEP_NS, now_ns)),
        instruments=tuple(pair.instrument for pair in symbols.values()) if is_first else (),
        statuses=dict.fromkeys(symbols, "online") if is_first else {},
        system="online" if is_first else "",
        history=tuple(piece for symbol in symbols for piece in past(market, symbol)) if is_first else (),
        is_keyframe=is_first,
    )


@pytest.fixture(scope="module")
def hour(frames: list[Frame]) -> Shown:
    return folded(frames)


def folded(frames: list[Frame]) -> Shown:
    """Return each frame with the market as of it; nothing that was computed on another market is remembered."""
    market, shown = Market(), []
    for frame in frames:
        market.fold(frame)
        shown.append((frame, market.snapshot()))
    return shown


def engine_of(name: str) -> Engine:
    found = registry.strategy(name)
    assets = {"BTC": Decimal("0.001")} if "XRP/BTC" in found.symbols else {}
    terms = Terms(slug=name, symbols=found.symbols, stake=Decimal(200), assets=assets)
    return Engine(found, found.config(LIVELY.get(name, {})), terms)


def live(engine: Engine, shown: Shown) -> list[Outcome]:
    return [engine.process(frame, snapshot) for frame, snapshot in shown]


def fills_of(outcomes: list[Outcome]) -> list[tuple[str, Fill]]:
    return [("one", fill) for outcome in outcomes for fill in outcome.fills]


@pytest.mark.parametrize("name", sorted(registry.found()))
def test_a_strategy_lives_through_the_hour_alike_however_often_it_is_restarted(name: str, hour: Shown) -> None:
    lived = engine_of(name)
    outcomes = live(lived, hour)

    restarted, fills, begin = engine_of(name), [], 0
    for end in (*RESTARTS, FRAMES):
        fills += fills_of(live(restarted, hour[begin:end]))
        restarted = Engine.resume(restarted.strategy, restarted.config, restarted.terms, restarted.checkpoint())
        begin = end

    assert [error.summary for outcome in outcomes for error in outcome.errors] == []
    assert lived.account.is_funded
    assert "warming_up" not in lived.state.why
    assert fills or name not in LIVELY
    assert digest(fills) == digest(fills_of(outcomes))
    assert restarted.checkpoint() == lived.checkpoint()


@pytest.mark.parametrize("name", sorted(registry.found()))
def test_two_runs_of_a_strategy_are_one_and_the_same(name: str, frames: list[Frame], hour: Shown) -> None:
    first, second = engine_of(name), engine_of(name)

    fills = [digest(fills_of(live(first, hour))), digest(fills_of(live(second, folded(frames))))]

    assert fills[0] == fills[1]
    assert first.checkpoint() == second.checkpoint()
