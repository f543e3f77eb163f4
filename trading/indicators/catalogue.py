"""All indicators that are shared between all who read them: importing this module fills ``INDICATORS``."""

from __future__ import annotations

from trading.indicators import (
    averages,
    bands,
    flow,
    movement,
    order_book,
    oscillators,
    regime,
    statistics,
    trend,
    volatility,
    volume,
    vpin,
    wavetrend,
)
from trading.indicators.definition import INDICATORS

__all__ = ["FAMILIES", "INDICATORS"]

FAMILIES = (
    averages,
    oscillators,
    wavetrend,
    trend,
    bands,
    volatility,
    movement,
    statistics,
    volume,
    flow,
    order_book,
    vpin,
    regime,
)
