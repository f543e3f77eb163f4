"""When to change one coin for the other, and when to change back."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.book import Side
from trading.indicators.averages import bollinger, newest, rsi
from trading.indicators.flow import TradeFlow
from trading.indicators.movement import correlation
from trading.indicators.order_book import spread_pct
from trading.indicators.statistics import Drift, correlation_trend, standard_score
from trading.indicators.trend import OneWay, trend_strength
from trading.portfolio import Holding
from trading.signals import NoSignal, Signal, SizeUnit
from trading.snapshot import DataSnapshot

from .._rules.cooldown import begin_cooldown, is_cooling
from .._rules.holding import enter, gain_pct, is_leaving, leave
from .._rules.volatility import Regime
from .config import Config
from .lifecycle import SOLD_HOLDINGS


class _Reading(NamedTuple):
    price: float  # of the base coin in the quote coin
    deviations: float  # that the price is above its mean
    rsi: float
    way: OneWay | None
    spread_pct: float | None
    correlation: float | None
    is_declining: bool
    flow: TradeFlow | None

    @property
    def shown(self) -> dict[str, Any]:
        """What the deployment's page shows of it."""
        return {
            "price": self.price,
            "deviations": self.deviations,
            "rsi": self.rsi,
            "trend": self.way and float(self.way.direction * self.way.share),
            "spread_pct": self.spread_pct,
            "correlation": self.correlation,
            "flow": self.flow and self.flow.imbalance,
        }


def generate_signal(data: DataSnapshot, config: Config, state: dict[str, Any]) -> Signal | list[NoSignal]:
    """Look at one ratio after the other: leave what is held, or enter; the first signal wins."""
    reasons: list[NoSignal] = []
    for symbol in data.symbols:
        answer = _answer(data, config, state, symbol)
        if isinstance(answer, Signal):
            return answer
        reasons.append(NoSignal(answer.code, answer.detail, symbol))
    return reasons


def _answer(data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str) -> Signal | NoSignal:
    reading = _reading(data, config, symbol)
    if reading is None:
        return NoSignal("warming_up")
    state.setdefault("indicators", {})[symbol] = {**reading.shown, **_amounts(data, state, symbol)}
    regime = config.volatility.at(data.candles(symbol, "1m"))
    threshold = config.entry_deviations * regime.threshold
    holding = data.portfolio.position(symbol)
    if holding is not None:
        if is_leaving(data, symbol):
            return NoSignal("order_open")
        if exit_signal := _exit(data, config, state, holding, reading, threshold):
            return exit_signal
    if hindrance := _hindrance(data, config, state, symbol, reading, regime):
        return NoSignal(hindrance)
    return _entry(data, config, state, symbol, reading, regime)


def _amounts(data: DataSnapshot, state: dict[str, Any], symbol: str) -> dict[str, float]:
    """Return how many of each coin trading has brought; note what there was before the first trade."""
    began, gained = state.setdefault("began_with", {}), state.get("gained", {})
    for coin in symbol.split("/"):
        if coin not in began:
            began[coin] = data.portfolio.balance(coin)
    return {f"{coin}_gained": gained.get(coin, 0.0) for coin in symbol.split("/")}


def _reading(data: DataSnapshot, config: Config, symbol: str) -> _Reading | None:
    series = data.candles(symbol, "1m")
    bands = bollinger(series, config.average_candles, 1.0)
    strength = newest(rsi(series, config.rsi_candles))
    if bands is None or strength is None:
        return None
    price = data.price(symbol)
    together, is_declining = _together(data, config, symbol)
    return _Reading(
        price,
        standard_score(price, bands.middle, bands.upper - bands.middle),
        strength,
        trend_strength(series, config.trend_candles, config.trend_share),
        spread_pct(data.bids(symbol), data.asks(symbol)),
        together,
        is_declining,
        config.flow.at(data, symbol) if config.flow.is_on else None,
    )


def _together(data: DataSnapshot, config: Config, symbol: str) -> tuple[float | None, bool]:
    """Return how much the coins move together in dollars, and whether ever less so; nothing without both markets."""
    legs = [f"{coin}/USD" for coin in symbol.split("/")]
    if not set(legs) <= set(data.instruments):
        return None, False
    first, second = (data.candles(leg, "1m") for leg in legs)
    together = correlation(first, second, config.correlation_candles)
    if together is None or not config.avoids_decline or together >= config.decline_below:
        return together, False
    trend = correlation_trend(first, second, config.correlation_candles, config.decline_candles, config.decline_slope)
    return together, trend is not None and trend.drift is Drift.DECLINING


def _exit(
    data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding, reading: _Reading, threshold: float
) -> Signal | None:
    price, round_trip_pct = reading.price, 2 * data.portfolio.taker_pct
    if config.trailing.is_hit(holding, price, state):
        return leave(holding, reason="fell back from its best", code="trailing_stop")
    if reading.deviations > threshold:
        return leave(holding, reason="dear: beyond the mean on the other side", code="overshoot_exit")
    is_near = abs(reading.deviations) < config.decay_deviations
    if is_near and config.decay.is_due(holding, price, config.take_profit_pct, data.time_ns):
        return _part(data, config, state, holding, "enough of the target after so long", "position_decay")
    is_paid = config.fees.refusal(gain_pct(holding, price), round_trip_pct) is None
    if is_paid and abs(reading.deviations) < config.exit_deviations:
        return _part(data, config, state, holding, "back at the mean", "mean_reversion")
    return None


def _part(
    data: DataSnapshot, config: Config, state: dict[str, Any], holding: Holding, reason: str, code: str
) -> Signal | None:
    """Sell a share of the position, all of it when either part were too small; once a candle."""
    version, parted = data.candles(holding.symbol, "1m").version, state.setdefault("parted", {})
    if parted.get(holding.symbol) == version:
        return None
    parted[holding.symbol] = version
    share = config.exit_share
    smaller = data.portfolio.value(holding.symbol) * min(share, 1 - share)
    if smaller < config.limits.min_trade_usd:
        return leave(holding, reason=reason, code=code)
    return Signal.sell(holding.symbol, holding.qty * share, size_in=SizeUnit.BASE, reason=reason, code=code)


def _hindrance(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, reading: _Reading, regime: Regime
) -> str:
    if config.breaker.is_resting(data.time_ns, state):
        return "circuit_breaker"
    if is_cooling(symbol, config.cooldown_s, data.time_ns, state):
        return "time_cooldown"
    if data.portfolio.open_orders(symbol) and data.portfolio.position(symbol) is None:
        return "order_open"
    if regime.is_paused:
        return "regime_pause"
    if reading.spread_pct is None or reading.spread_pct > config.max_spread_pct:
        return "spread_too_wide"
    if config.needs_correlation and reading.correlation is not None:
        if reading.correlation < config.correlation_least:
            return "correlation_too_low"
        if reading.is_declining:
            return "correlation_declining"
    return ""


def _entry(
    data: DataSnapshot,
    config: Config,
    state: dict[str, Any],
    symbol: str,
    reading: _Reading,
    regime: Regime,
) -> Signal | NoSignal:
    if abs(reading.deviations) <= config.entry_deviations * regime.threshold:
        return NoSignal("no_signal_conditions")
    side = Side.BUY if reading.deviations < 0 else Side.SELL
    if side is Side.SELL and not config.sells_holdings:
        return NoSignal("no_signal_conditions", "coins that were paid in are not for sale")
    if refusal := _doubt(data, config, side, reading):
        return refusal
    size = _size(data, config, state, symbol, side, config.size_usd * regime.size)
    if isinstance(size, NoSignal):
        return size
    begin_cooldown(symbol, data.time_ns, state)
    if side is Side.SELL:
        return Signal.sell(symbol, size, size_in=SizeUnit.ACCOUNT, reason=SOLD_HOLDINGS, code="ratio_sale")
    return enter(
        side,
        symbol,
        size,
        reading.price,
        stop_pct=config.stop_loss_pct,
        target_pct=config.take_profit_pct,
        reason="cheap: below its mean in the other coin",
        code="ratio_purchase",
    )


def _doubt(data: DataSnapshot, config: Config, side: Side, reading: _Reading) -> NoSignal | None:
    """Return why a stretched ratio is not believed to come back, or not for enough; None when it is."""
    away = -1 if side is Side.BUY else 1
    if config.avoids_trends and reading.way and reading.way.is_strong and reading.way.direction == away:
        return NoSignal("strong_trend_detected", f"{reading.way.share:.0%} of the closes went that way")
    is_confirmed = reading.rsi <= config.rsi_oversold if side is Side.BUY else reading.rsi >= config.rsi_overbought
    if config.needs_rsi and not is_confirmed:
        return NoSignal("rsi_not_confirmed", f"RSI is {reading.rsi:.0f}")
    if not config.flow.agrees(side, reading.flow):
        return NoSignal("trade_flow_not_aligned")
    return config.fees.refusal(config.take_profit_pct, 2 * data.portfolio.taker_pct)


def _size(
    data: DataSnapshot, config: Config, state: dict[str, Any], symbol: str, side: Side, wanted: float
) -> float | NoSignal:
    """Return how much may be traded: within the limits, and within what there is beside the share that is kept."""
    room = config.limits.size(data, symbol, side, wanted, config.limits.total_usd)
    if isinstance(room, NoSignal):
        return room
    base, quote = symbol.split("/")
    coin = quote if side is Side.BUY else base
    held, kept = data.portfolio.balance(coin), state["began_with"][coin] * config.kept_share
    spare = data.portfolio.worth(coin, max(0.0, held - kept)) * (1 - data.portfolio.taker_pct / 100)
    if spare < config.limits.min_trade_usd:
        return NoSignal("insufficient_funds", f"{held:.8g} {coin} are held, {kept:.8g} are kept")
    return min(room, spare)
