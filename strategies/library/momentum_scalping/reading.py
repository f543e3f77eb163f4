"""What the closed candles say of a symbol."""

from __future__ import annotations

from typing import Any, NamedTuple

from trading.book import Side
from trading.candles import CandleSeries
from trading.indicators.averages import adx, ema, newest, rsi
from trading.indicators.movement import correlation
from trading.indicators.oscillators import macd
from trading.indicators.volatility import Volatility as Kind
from trading.indicators.volatility import atr
from trading.indicators.volume import volume_ratio
from trading.snapshot import DataSnapshot

from .config import Config, Numbers

MIDDLE = (40, 60)  # between which an RSI that moves on is momentum
CROSSED, MOVED, MACD_ALONE, MACD_TOO = 0.5, 0.25, 0.4, 0.25


class Reading(NamedTuple):
    """Averages in quote per base, as is the average true range; None where it is not known yet."""

    price: float
    ema_fast: float
    ema_slow: float
    ema_filter: float
    ema_higher: float
    rsi: float
    momentum: float  # from -1, falling, to 1, rising
    volume_ratio: float | None  # of the newest candle
    atr: float | None

    def is_aligned(self, side: Side, *, needs_alignment: bool) -> bool:
        """Return whether the price is beyond its averages the way of ``side``."""
        sign = 1 if side is Side.BUY else -1
        is_beyond = (self.price - self.ema_filter) * sign > 0
        return is_beyond and (not needs_alignment or (self.ema_fast - self.ema_slow) * sign > 0)

    @property
    def shown(self) -> dict[str, Any]:
        """What the deployment's page shows of it."""
        return self._asdict()


def read(data: DataSnapshot, config: Config, symbol: str, own: Numbers, kind: Kind) -> Reading | None:
    """Return what closed candles say, None while there are too few."""
    minutes = data.candles(symbol, "1m")
    averages = [newest(ema(minutes, n)) for n in (config.ema_fast, config.ema_slow, config.ema_filter)]
    averages.append(newest(ema(data.candles(symbol, "5m"), config.higher_candles)))
    strength = rsi(minutes, own.rsi_candles)
    fast, slow, of_filter, higher = averages
    if fast is None or slow is None or of_filter is None or higher is None or len(minutes) < own.rsi_candles + 2:
        return None
    return Reading(
        data.price(symbol),
        fast,
        slow,
        of_filter,
        higher,
        float(strength[-1]),
        _momentum(minutes, config, float(strength[-2]), float(strength[-1]), kind),
        newest(volume_ratio(minutes, config.volume_candles)),
        newest(atr(minutes, config.trail.candles)),
    )


def _momentum(minutes: CandleSeries, config: Config, before: float, now: float, kind: Kind) -> float:
    """Return the momentum of the newest candle: what RSI and MACD say against each other cancels out."""
    is_wild = kind in (Kind.HIGH, Kind.EXTREME)
    oversold = config.wild_rsi_oversold if is_wild else config.rsi_oversold
    overbought = config.wild_rsi_overbought if is_wild else config.rsi_overbought
    by_rsi = 0.0
    if before < oversold <= now:
        by_rsi = CROSSED
    elif before > overbought >= now:
        by_rsi = -CROSSED
    elif MIDDLE[0] < now < MIDDLE[1] and now != before:
        by_rsi = MOVED if now > before else -MOVED
    crossing = newest(macd(minutes, config.macd_fast, config.macd_slow, config.macd_signal).crossing)
    if not config.uses_macd or not crossing:
        return by_rsi
    return by_rsi + crossing * (MACD_TOO if by_rsi * crossing > 0 else MACD_ALONE)


def is_strong_trend(data: DataSnapshot, config: Config, symbol: str) -> bool:
    """Return whether the trend is one that momentum would be late for."""
    if not config.avoids_strong_trends or not (config.adx_everywhere or symbol == "BTC/USD"):
        return False
    strength = newest(adx(data.candles(symbol, "1m"), config.adx_candles))
    return strength is not None and strength > config.adx_strong


def is_decoupled(data: DataSnapshot, config: Config, symbol: str) -> bool:
    """Return whether the two coins of XRP/BTC go different ways."""
    if not config.needs_correlation or symbol != "XRP/BTC" or not {"XRP/USD", "BTC/USD"} <= set(data.instruments):
        return False
    together = correlation(data.candles("XRP/USD", "5m"), data.candles("BTC/USD", "5m"), config.correlation_candles)
    return together is not None and together < config.correlation_least
