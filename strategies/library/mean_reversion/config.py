"""Every number of the strategy, with its unit and bounds."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec


def _help(text: str, **bounds: Any) -> msgspec.Meta:
    return msgspec.Meta(description=text, **bounds)


Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]
Rsi = Annotated[float, msgspec.Meta(ge=1, le=99)]
Usd = Annotated[float, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class SymbolDefaults(msgspec.Struct, frozen=True):
    """What differs by symbol unless the config says otherwise."""

    deviation_pct: float = 0.5
    rsi_oversold: float = 35
    rsi_overbought: float = 65
    size_usd: float = 20
    max_position_usd: float = 50
    take_profit_pct: float = 1.5
    stop_loss_pct: float = 1.5
    cooldown_s: float = 10


# The reference's targets (0.4 to 0.8 %) cannot pay two taker fees of 0.40 %; its ratios are kept, three times as wide.
BY_SYMBOL = {
    "BTC/USD": SymbolDefaults(0.3, 30, 70, 25, 75, 1.2, 1.2, 5),
    "XRP/BTC": SymbolDefaults(1.0, 35, 65, 15, 40, 2.4, 2.4, 20),
}


class Config(msgspec.Struct, frozen=True):
    """Empty values take the symbol's own default."""

    deviation_pct: Annotated[Pct | None, _help("distance from the average that counts as stretched, percent")] = None
    rsi_oversold: Annotated[Rsi | None, _help("RSI below which a market is oversold")] = None
    rsi_overbought: Annotated[Rsi | None, _help("RSI above which a market is overbought")] = None
    size_usd: Annotated[Usd | None, _help("size of an entry; account currency")] = None
    max_position_usd: Annotated[Usd | None, _help("most held through one symbol; account currency")] = None
    take_profit_pct: Annotated[Pct | None, _help("target above the entry, percent")] = None
    stop_loss_pct: Annotated[Pct | None, _help("stop below the entry, percent")] = None
    cooldown_s: Annotated[Seconds | None, _help("seconds between entries in one symbol")] = None
    min_trade_usd: Annotated[float, _help("entries below this are not worth it; account currency", ge=1)] = 5
    average_candles: Annotated[int, _help("candles of the average and of the bands", ge=5, le=200)] = 20
    band_deviations: Annotated[float, _help("width of the bands in standard deviations", gt=0, le=5)] = 2.0
    rsi_candles: Annotated[int, _help("candles of the RSI", ge=2, le=100)] = 14
    use_flow: Annotated[bool, _help("enter only when the tape leans our way")] = True
    flow_threshold: Annotated[float, _help("how far it must lean, 0 to 1", ge=0, le=1)] = 0.1
    flow_trades: Annotated[int, _help("prints the tape is judged on", ge=5, le=1000)] = 50
    use_vwap: Annotated[bool, _help("also buy, half the size, well below the VWAP while RSI is neutral")] = True
    vwap_deviation_pct: Annotated[float, _help("distance below the VWAP, percent", gt=0, le=20)] = 0.3
    vwap_size_multiplier: Annotated[float, _help("share of the normal size", gt=0, le=1)] = 0.5
    use_regimes: Annotated[bool, _help("widen thresholds and cut sizes as volatility rises; pause when extreme")] = True
    regime_low_pct: Annotated[float, _help("one-minute volatility below this is low, percent", gt=0)] = 0.3
    regime_medium_pct: Annotated[float, _help("below this is medium, percent", gt=0)] = 0.8
    regime_high_pct: Annotated[float, _help("below this is high, above is extreme, percent", gt=0)] = 1.5
    volatility_candles: Annotated[int, _help("one-minute candles volatility is measured on", ge=5, le=200)] = 20
    use_trend_filter: Annotated[bool, _help("do not enter against a trend")] = True
    trend_candles: Annotated[int, _help("candles of the trend's slope", ge=10, le=200)] = 50
    trend_slope_pct: Annotated[float, _help("slope that counts as a trend, percent per candle", gt=0)] = 0.05
    trend_confirmations: Annotated[int, _help("candles in a row that must show it", ge=1, le=20)] = 3
    use_adx_filter: Annotated[bool, _help("do not enter BTC/USD in a strong trend")] = True
    adx_candles: Annotated[int, _help("candles of the ADX", ge=5, le=25)] = 14
    adx_strong: Annotated[float, _help("ADX that counts as a strong trend", ge=5, le=90)] = 25
    use_correlation: Annotated[bool, _help("enter XRP/BTC only while XRP/USD and BTC/USD move together")] = True
    correlation_candles: Annotated[int, _help("returns the correlation is measured on", ge=10, le=200)] = 50
    correlation_least: Annotated[float, _help("least correlation, -1 to 1", ge=-1, le=1)] = 0.5
    use_trailing_stop: Annotated[bool, _help("leave when the price falls back from its best")] = False
    trailing_activation_pct: Annotated[float, _help("profit that arms the trailing exit, percent", gt=0)] = 0.4
    trailing_distance_pct: Annotated[float, _help("fall from the best that sets it off, percent", gt=0)] = 0.3
    use_decay: Annotated[bool, _help("be content with less the longer a position is held")] = True
    decay_start_minutes: Annotated[float, _help("age at which the target begins to shrink", ge=0)] = 15
    decay_interval_minutes: Annotated[float, _help("minutes from one step to the next", gt=0)] = 5
    decay_multipliers: Annotated[tuple[float, ...], _help("shares of the target, one a step")] = (
        1.0,
        0.85,
        0.7,
        0.5,
    )
    use_breaker: Annotated[bool, _help("rest after losses in a row")] = True
    breaker_losses: Annotated[int, _help("losses in a row", ge=1, le=50)] = 3
    breaker_minutes: Annotated[float, _help("minutes of rest", gt=0)] = 15
    check_fees: Annotated[bool, _help("enter only when the target pays both fees")] = True
    min_net_profit_pct: Annotated[float, _help("what must be left after fees, percent", ge=0)] = 0.05

    def resolved(self, symbol: str) -> SymbolDefaults:
        """Return the symbol's numbers: the user's where given, else the symbol's own."""
        own = BY_SYMBOL.get(symbol, SymbolDefaults())
        given = {name: getattr(self, name) for name in SymbolDefaults.__struct_fields__}
        return msgspec.structs.replace(own, **{name: value for name, value in given.items() if value is not None})
