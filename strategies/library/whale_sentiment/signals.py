"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trading.book import Side
from trading.candles import CandleSeries
from trading.indicators.bands import donchian
from trading.indicators.order_book import spread_pct
from trading.indicators.volatility import Volatility as Kind
from trading.indicators.volatility import atr_pct
from trading.indicators.volume import volume_ratio
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot

from .._rules.cooldown import begin_cooldown, is_cooling
from .._rules.exits import Trailing
from .._rules.holding import enter, is_leaving, leave, side_of
from .._rules.looks import look_once
from .._rules.sizing import size_within
from .config import Config, Numbers
from .zones import Swing, Zone, lasted_minutes


class _Look(NamedTuple):
    """What the newest candle shows."""

    zone: str
    ratio: float  # volume in multiples of the usual
    move_pct: float
    whale: int  # 1 bought, -1 sold, 0 none was seen
    is_spike: bool
    trades: int
    range_pct: float
    lasted: int  # minutes in this extreme zone


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> Signal | list[NoSignal]:
    """Look at one symbol after the other: leave what is held, or enter; the first signal wins."""
    reasons: list[NoSignal] = []
    for symbol in data.symbols:
        answer = _answer(data, config, state, symbol)
        if isinstance(answer, Signal):
            return answer
        reasons.append(NoSignal(answer.code, answer.detail, symbol))
    return reasons


def _answer(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> Signal | NoSignal:
    series = data.candles(symbol, "5m")
    look = look_once(symbol, series.version, state, _Look, lambda: _look(series, config, state))
    wanted = _side(Zone(look.zone), config)
    holding = data.portfolio.position(symbol)
    if holding is not None:
        closing = _exit(data, config, state, holding, wanted)
        if closing is None:
            return NoSignal("existing_position")
        return NoSignal("order_open") if is_leaving(data, symbol) else closing
    swing = config.swings.at(look.range_pct)
    hindrance = _hindrance(data, config, state, symbol, look, swing)
    if hindrance or wanted is None:
        return NoSignal(hindrance or "neutral_sentiment")
    return _entry(data, config, state, symbol, wanted, look, swing)


def _look(series: CandleSeries, config: Config, state: dict[str, Any]) -> _Look:
    own, close = config.numbers(series.symbol), series.close
    known = float(volume_ratio(series, config.volume_candles)[-1])
    ratio = 0.0 if np.isnan(known) else known  # nothing was traded before: nothing to compare with
    channel = donchian(series, config.extreme_candles)
    from_high, from_low = ((close[-1] / edge[-1] - 1) * 100 for edge in (channel.upper, channel.lower))
    zone = _zone(float(from_high), float(from_low), own)
    move = float(close[-1] / close[-2] - 1) * 100
    is_spike = ratio >= own.spike_ratio
    whale = int(np.sign(move)) if is_spike and abs(move) >= config.whale_move_pct else 0
    range_pct = float(atr_pct(series, config.swings.candles)[-1])
    lasted = lasted_minutes(series.symbol, zone, series.version, state)
    state.setdefault("indicators", {})[series.symbol] = {
        "from_high_pct": float(from_high),
        "from_low_pct": float(from_low),
        "volume_ratio": ratio,
        "whale": float(whale),
        "range_pct": range_pct,
        "minutes_in_extreme": float(lasted),
    }
    return _Look(zone.value, ratio, move, whale, is_spike, series[-1].trades, range_pct, lasted)


def _zone(from_high_pct: float, from_low_pct: float, own: Numbers) -> Zone:
    """Return the zone; a market that is far from both its high and its low is afraid."""
    if from_high_pct <= own.fear_pct:
        return Zone.EXTREME_FEAR if from_high_pct <= own.extreme_fear_pct else Zone.FEAR
    if from_low_pct >= own.greed_pct:
        return Zone.EXTREME_GREED if from_low_pct >= own.extreme_greed_pct else Zone.GREED
    return Zone.NEUTRAL


def _side(zone: Zone, config: Config) -> Side | None:
    """Return the side to take in a zone."""
    if zone is Zone.NEUTRAL:
        return None
    is_afraid = zone in (Zone.FEAR, Zone.EXTREME_FEAR)
    return Side.BUY if is_afraid is config.is_contrarian else Side.SELL


def _exit(
    data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding, wanted: Side | None
) -> Signal | None:
    if wanted is side_of(holding).opposite:
        return leave(holding, reason="the mood has turned", code="sentiment_reversal")
    if config.trails:
        armed_pct = config.numbers(holding.symbol).take_profit_pct * config.trail_from
        trailing = Trailing(activation_pct=armed_pct, distance_pct=config.trail_distance_pct)
        if trailing.is_hit(holding, data.price(holding.symbol), state):
            return leave(holding, reason="fell back from its best", code="trailing_stop")
    return None


def _hindrance(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, look: _Look, swing: Swing
) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if is_cooling(symbol, config.numbers(symbol).cooldown_s * swing.cooldown, data.time_ns, state):
        return "time_cooldown"
    if data.portfolio.open_orders(symbol):
        return "order_open"
    if swing.kind is Kind.EXTREME:
        return "extreme_volatility"
    return "extended_zone" if config.lasting.multiplier(look.lasted) == 0 else ""


def _doubt(data: DataSnapshot, config: Config, symbol: str, side: Side, look: _Look) -> NoSignal | None:
    """Return why what the volume shows speaks against an entry."""
    if look.whale == (-1 if side is Side.BUY else 1):
        return NoSignal("whale_signal_mismatch")
    if not look.is_spike:
        return None
    if look.whale == 0 and look.ratio > config.empty_spike_ratio:
        return NoSignal("volume_false_positive", f"{look.ratio:.1f} times the volume moved {look.move_pct:.2f} %")
    if look.trades < config.spike_trades:
        return NoSignal("volume_false_positive", f"the spike was {look.trades} trades")
    spread = spread_pct(data.bids(symbol), data.asks(symbol))
    if spread is not None and spread > config.spike_spread_pct:
        return NoSignal("volume_false_positive", f"the spread is {spread:.2f} %")
    return None


def _entry(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    side: Side,
    look: _Look,
    swing: Swing,
) -> Signal | NoSignal:
    own = config.numbers(symbol)
    if side is Side.SELL and not config.goes_short:
        return NoSignal("no_shorts")
    if doubt := _doubt(data, config, symbol, side, look):
        return doubt
    if not config.flow.allows(side, config.flow.at(data, symbol)):
        return NoSignal("trade_flow_against")
    if refusal := config.fees.refusal(own.take_profit_pct, 2 * data.portfolio.taker_pct):
        return refusal
    if refusal := _unsure(data, config, symbol, side, look, swing):
        return refusal
    size = size_within(
        data,
        symbol,
        side,
        _wanted(data, config, own, side, look, swing),
        per_symbol_usd=own.max_position_usd,
        limits=config.limits,
        exposure=config.exposure,
        correlated=config.correlated,
    )
    if isinstance(size, NoSignal):
        return size
    begin_cooldown(symbol, data.time_ns, state)
    return enter(
        side,
        symbol,
        size,
        data.price(symbol),
        stop_pct=own.stop_loss_pct * swing.stop,
        target_pct=own.take_profit_pct,
        reason=f"{look.zone.replace('_', ' ')}, {'a whale agrees' if look.whale else 'no whale against it'}",
        code="whale_sentiment_long" if side is Side.BUY else "whale_sentiment_short",
    )


def _unsure(data: DataSnapshot, config: Config, symbol: str, side: Side, look: _Look, swing: Swing) -> NoSignal | None:
    flow = config.flow.at(data, symbol)
    lean = 0.0 if flow is None else flow.imbalance * (1 if side is Side.BUY else -1)
    is_extreme = Zone(look.zone).is_extreme
    excess = look.ratio - config.numbers(symbol).spike_ratio if look.whale else None
    confidence = config.confidence.of(spike_excess=excess, is_extreme=is_extreme, lean=lean)
    needed = config.confidence.needed(is_extreme=is_extreme, is_wild=swing.kind is Kind.HIGH)
    if confidence >= needed:
        return None
    return NoSignal("insufficient_confidence", f"{confidence:.2f} of {needed:.2f}")


def _wanted(data: DataSnapshot, config: Config, own: Numbers, side: Side, look: _Look, swing: Swing) -> float:
    """Return the size of an entry before limits."""
    size = own.size_usd * config.sessions.at(data.time) * config.zone_sizes.at(Zone(look.zone))
    size *= swing.size * config.lasting.multiplier(look.lasted)
    return size * config.short_size if side is Side.SELL else size
