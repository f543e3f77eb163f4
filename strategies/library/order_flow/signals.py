"""When to enter and when to leave."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.book import Side
from trading.indicators.volatility import Volatility as Kind
from trading.indicators.vpin import vpin_at
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot

from .._rules.cooldown import begin_cooldown, is_cooling, is_tape_cooling
from .._rules.holding import age_minutes, enter, gain_pct, is_leaving, leave, side_of
from .._rules.volatility import Regime
from .config import Config, Numbers
from .tape import Tape, read_tape

# A calm market says little per print; in a wild one what was said a minute ago is old.
LOOKBACK = {Kind.LOW: 1.25, Kind.MEDIUM: 1.0, Kind.HIGH: 0.75, Kind.EXTREME: 0.5}
SHORTEST_LOOKBACK = 20


class _Chance(NamedTuple):
    """A side to take, and whether towards the average price of the tape or with its burst."""

    side: Side
    is_return: bool


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
    regime = config.volatility.at(data.candles(symbol, "1m"))
    tape = _tape(data, config, symbol, regime)
    if tape is None:
        return NoSignal("warming_up", "the tape is too short")
    shown = state.setdefault("indicators", {})[symbol] = tape.shown
    own = config.numbers(symbol)
    threshold = regime.threshold * config.thresholds.at(data.time)
    chance = _chance(tape, config, own, threshold)
    holding = data.portfolio.position(symbol)
    if holding is not None:
        if is_leaving(data, symbol):
            return NoSignal("order_open")
        if exit_signal := _exit(data, config, state, holding, own, chance):
            return exit_signal
    if hindrance := _hindrance(data, config, state, symbol, own, regime):
        return NoSignal(hindrance)
    if chance is None:
        return NoSignal("no_signal_conditions")
    if refusal := _doubt(data, config, symbol, chance, shown):
        return refusal
    return _entry(data, config, state, symbol, tape, own, regime, chance)


def _tape(data: DataSnapshot, config: Config, symbol: str, regime: Regime) -> Tape | None:
    wanted = max(SHORTEST_LOOKBACK, int(config.lookback_prints * LOOKBACK[regime.kind]))
    prints = data.trades(symbol, wanted)
    return read_tape(prints) if len(prints) >= min(wanted, config.lookback_prints) else None


def _chance(tape: Tape, config: Config, own: Numbers, threshold: float) -> _Chance | None:
    side = Side.BUY if tape.imbalance > 0 else Side.SELL
    lean, least = abs(tape.imbalance), config.lean(side, own) * threshold
    if lean > least and tape.spike > own.volume_spike:
        return _Chance(side, is_return=False)
    away_pct = -tape.above_vwap_pct if side is Side.BUY else tape.above_vwap_pct
    if config.uses_vwap and lean > least * config.vwap_imbalance and away_pct > config.vwap_deviation_pct:
        return _Chance(side, is_return=True)
    return None


def _exit(
    data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding, own: Numbers, chance: _Chance | None
) -> Signal | None:
    price = data.price(holding.symbol)
    if config.trailing.is_hit(holding, price, state):
        return leave(holding, reason="fell back from its best", code="trailing_stop")
    if stage := _decay_stage(data, config, holding, gain_pct(holding, price), own):
        return leave(
            holding,
            reason="enough of the target after so long",
            code="position_decay",
            metadata={"decay_stage": stage},
        )
    if chance is not None and chance.side is not side_of(holding):
        return leave(holding, reason="the tape has turned", code="opposite_flow_exit")
    return None


def _decay_stage(data: DataSnapshot, config: Config, holding: Holding, gain: float, own: Numbers) -> str:
    """Return what an old position is content with when it has it, else nothing."""
    share = config.decay.share(age_minutes(holding, data.time_ns))
    if share == 1:
        return ""
    if config.decay_after_fees and gain >= 2 * data.portfolio.taker_pct + config.decay_min_net_pct:
        return "profit_after_fees"
    if gain < own.take_profit_pct * share:
        return ""
    return "part_of_target" if share else "any_profit"


def _hindrance(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, own: Numbers, regime: Regime
) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if is_cooling(symbol, own.cooldown_s, data.time_ns, state):
        return "time_cooldown"
    if is_tape_cooling(data, symbol, own.cooldown_prints, state):
        return "trade_cooldown"
    if data.portfolio.open_orders(symbol) and data.portfolio.position(symbol) is None:
        return "order_open"
    return "regime_pause" if regime.is_paused else ""


def _doubt(data: DataSnapshot, config: Config, symbol: str, chance: _Chance, shown: dict[str, Any]) -> NoSignal | None:
    """Return why the tape is not followed, None when it is; only a chance is worth reading the whole tape for."""
    if chance.side is Side.SELL and not config.goes_short:
        return NoSignal("no_shorts")
    if not config.flow.agrees(chance.side, config.flow.at(data, symbol)):
        return NoSignal("trade_flow_not_aligned")
    if config.informed.is_on:
        shown["vpin"] = known = vpin_at(data, symbol, config.informed.buckets)
        if known is not None and known >= config.informed.high * config.informed_sessions.at(data.time):
            return NoSignal("vpin_pause", f"VPIN is {known:.2f}")
    closes = data.candles(symbol, "1m").close
    oddity = (
        config.anomaly.found(data.trades(symbol, config.anomaly.prints), float(closes[-2])) if len(closes) > 1 else ""
    )
    return NoSignal("volume_anomaly", oddity) if oddity else None


def _entry(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    tape: Tape,
    own: Numbers,
    regime: Regime,
    chance: _Chance,
) -> Signal | NoSignal:
    target_pct = abs(tape.vwap / tape.price - 1) * 100 if chance.is_return else own.take_profit_pct
    if refusal := config.fees.refusal(target_pct, 2 * data.portfolio.taker_pct):
        return refusal
    share = config.vwap_size if chance.is_return else 1.0
    wanted = own.size_usd * share * regime.size * config.sizes.at(data.time)
    size = config.limits.size(data, symbol, chance.side, wanted, own.max_position_usd)
    if isinstance(size, NoSignal):
        return size
    size = config.exposure.size(data, symbol, chance.side, size)
    if size < config.limits.min_trade_usd:
        return NoSignal("correlation_limit", f"{size:.2f} is left of what may be held one way")
    begin_cooldown(symbol, data.time_ns, state)
    reason = "far from the tape's average, and pushed back" if chance.is_return else "takers push with much volume"
    return enter(
        chance.side,
        symbol,
        size,
        tape.price,
        stop_pct=own.stop_loss_pct,
        target_pct=target_pct,
        reason=reason,
        code="vwap_return" if chance.is_return else "order_flow",
    )
