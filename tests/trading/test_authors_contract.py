"""What strategies import and use, by name: kept versions of them do so for ever.

A name may be added here, never taken away. Another name for the same thing keeps this one as an alias.
"""

from __future__ import annotations

from importlib import import_module

import pytest

NAMES = {
    "trading.snapshot": "Asked DataSnapshot MarketView Print Quote TAPE_LENGTH UnknownSymbol",
    "trading.signals": "Action Amend Cancel NoSignal OrderType Price Signal Size SizeUnit TimeInForce",
    "trading.portfolio": "Holding OpenOrder Portfolio",
    "trading.book": "BookError BookTop CHECKSUM_LEVELS ChecksumMismatch CrossedBook Level OrderBook Side",
    "trading.candles": """
        Candle CandleSeries CandleStore Closed Floats MINUTE_NS ROLLS_UP_FROM SERIES_CAPACITY TIMEFRAME_MINUTES
        in_units merged rolled_up width_ns
    """,
    "trading.fills": "Fill digest plain seal_of sealed",
    "trading.orders": "Bracket LIMIT_AFTER_TRIGGER Order OrderStatus Purpose Refusal TRIGGERED Trail is_reached",
    "trading.strategy": "Answer InvalidConfig MAX_SIGNALS State Strategy Told Wanted wanted_and_reasons",
    "trading.market": "DataSnapshot",
    "trading.instruments": "Instrument InstrumentStatus InvalidNumber",
    "trading.indicators.averages": "AveragedCandles dema ema heikin_ashi hma newest remembered rma sma wma",
    "trading.indicators.bands": "Bands Channel Ichimoku bollinger bollinger_series donchian ichimoku keltner",
    "trading.indicators.catalogue": "FAMILIES",
    "trading.indicators.definition": """
        INDICATORS Indicator Memory ROUNDING aligned indicator quotient register windows
    """,
    "trading.indicators.flow": """
        FEWEST_PRINTS TradeFlow imbalance is_confirmed is_not_opposed trade_flow trade_flow_at vwap vwap_at
    """,
    "trading.indicators.movement": "correlation slope_pct volatility_pct",
    "trading.indicators.order_book": "book_imbalance book_imbalance_at micro_price micro_price_at spread_pct",
    "trading.indicators.oscillators": """
        Macd Stochastic cci crossings divergence macd momentum rate_of_change_pct rsi stochastic stochastic_rsi
        williams_r
    """,
    "trading.indicators.regime": """
        CHOPPY Candles Components DEFAULT_RULES MarketTrend RSI_SWING Regime RegimeRules STRONG_ADX Share TRENDING
        regime regime_at
    """,
    "trading.indicators.statistics": """
        CorrelationTrend Drift LONGEST_LAG Regression SHORTEST_LAG correlation_trend hurst_exponent
        linear_regression rolling_correlation standard_score z_score
    """,
    "trading.indicators.trend": """
        AdxStrength Aroon DirectionalMovement OneWay Supertrend adx adx_strength aroon directional_movement
        ma_alignment parabolic_sar supertrend trend_strength
    """,
    "trading.indicators.volatility": """
        MINUTE_BOUNDS Volatility VolatilityBounds atr atr_pct choppiness true_range volatility_kind
        volatility_series_pct
    """,
    "trading.indicators.volume": """
        DAY_NS mfi obv rolling_vwap rolling_vwap_bands session_vwap session_vwap_bands volume_ratio volume_spike
    """,
    "trading.indicators.vpin": "BUCKETS_PER_DAY DAYS FEWEST_PRINTS_PER_BUCKET daily_bucket_volume vpin vpin_at",
    "trading.indicators.wavetrend": "WaveTrend wavetrend",
}
MEMBERS = {
    "trading.snapshot.DataSnapshot": """
        asks bids candles instrument instruments is_tradable last_ticks memo mid portfolio price regime rng seen_by
        sequence series status symbols system time time_ns top top_or_none trades
    """,
    "trading.snapshot.Print": "price qty side time_ns value",
    "trading.snapshot.Quote": "price qty",
    "trading.portfolio.Portfolio": """
        balance cash equity is_flat maker_pct margin_level_pct open_orders owed position taker_pct value worth
    """,
    "trading.portfolio.Holding": "average_price opened_ns qty symbol",
    "trading.portfolio.OpenOrder": "filled_qty limit_price order_id purpose qty side symbol trigger_price",
    "trading.signals.Signal": """
        action buy code cover expires_at expires_in_s leverage limit_price metadata order_type post_only reason
        reduce_only sell short side size size_in stop_loss symbol take_profit time_in_force trail trail_pct
        trigger_price
    """,
    "trading.signals.Cancel": "order_id symbol",
    "trading.signals.Amend": "limit_price order_id qty trigger_price",
    "trading.signals.NoSignal": "code detail symbol",
    "trading.fills.Fill": """
        code cost evidence fee fill_id liquidity order_id price qty quote reason result sequence side signed_qty
        symbol time_ns
    """,
    "trading.candles.Candle": "close high is_flat low open start_ns trades volume",
    "trading.candles.CandleSeries": "close high low memo open start_ns symbol timeframe version volume",
    "trading.instruments.Instrument": """
        base cost cost_min lots lots_within nearest_ticks price price_decimals price_float price_increment_ticks qty
        qty_decimals qty_float qty_increment_lots qty_min_lots quote status symbol ticks
    """,
    "trading.book.BookTop": "asks best_ask best_bid bids lots_at opposite own sweep",
    "trading.book.Level": "lots ticks",
}


@pytest.mark.parametrize("module", NAMES)
def test_every_name_a_strategy_may_import_stays_where_it_is(module: str) -> None:
    there = import_module(module)

    assert [name for name in NAMES[module].split() if not hasattr(there, name)] == []


@pytest.mark.parametrize("path", MEMBERS)
def test_every_member_a_strategy_may_use_keeps_its_name(path: str) -> None:
    module, _, name = path.rpartition(".")
    cls = getattr(import_module(module), name)

    assert [member for member in MEMBERS[path].split() if not hasattr(cls, member)] == []
