"""What things are worth: a pure function of seed and time."""

from __future__ import annotations

from math import exp, sqrt

from marketdata.simulation.chance import Noise, mixed, name_number
from trading.frames import NS_PER_S
from trading.minutes import DAY_NS

SHORTEST_NS = 400_000_000
OCTAVES = 12  # each four times slower than the last: from jitter to a trend of three weeks
JITTER_OCTAVES = 2  # the fastest, halved: real prices stick
BURST_OCTAVES = 6  # up to some minutes: these grow and shrink with the mood
_MOODS = ((3_600 * NS_PER_S, 0.7), (600 * NS_PER_S, 0.5))  # period, weight in the exponent


class Wander:
    """A log price that moves about ``daily`` (a fraction) in a day, and never far from where it began.

    Value noise at many scales whose amplitudes grow with the root of the period: over
    any span it looks like the walk of a real price.
    """

    def __init__(self, key: int, daily: float) -> None:
        self.octaves: list[tuple[Noise, float]] = []
        period_ns = SHORTEST_NS
        for octave in range(OCTAVES):
            share = 0.5 if octave < JITTER_OCTAVES else 1.0
            self.octaves.append((Noise(mixed(key, octave), period_ns), share * daily * sqrt(period_ns / DAY_NS)))
            period_ns *= 4

    def at(self, time_ns: int, mood: float) -> float:
        """Return the deviation of the log price from its anchor."""
        fast = summed(self.octaves[:BURST_OCTAVES], time_ns)
        return mood * fast + summed(self.octaves[BURST_OCTAVES:], time_ns)


def summed(parts: list[tuple[Noise, float]], time_ns: int) -> float:
    """Return the weighted sum, added from left to right: `sum` rounds otherwise in some versions of Python."""
    total = 0.0
    for noise, weight in parts:
        total += weight * noise.at(time_ns)
    return total


class Prices:
    """Prices in US dollars of every simulated asset. They share most of their moves, as crypto does."""

    # anchor in USD, share of the common move, own move per day
    ASSETS = {"BTC": (62_000.0, 1.0, 0.004), "ETH": (1_770.0, 1.15, 0.016), "XRP": (1.10, 1.05, 0.024)}
    COMMON_DAILY = 0.024

    def __init__(self, seed: int) -> None:
        self.common = Wander(mixed(seed, name_number("common")), self.COMMON_DAILY)
        self.own = {
            asset: Wander(mixed(seed, name_number(asset)), daily) for asset, (_, _, daily) in self.ASSETS.items()
        }
        key = mixed(seed, name_number("mood"))
        self.moods = [(Noise(key, period_ns), weight) for period_ns, weight in _MOODS]

    def usd(self, asset: str, time_ns: int) -> float:
        """Return what one unit of ``asset`` is worth."""
        if asset == "USD":
            return 1.0
        anchor, share, _ = self.ASSETS[asset]
        mood = exp(summed(self.moods, time_ns))
        move = share * self.common.at(time_ns, mood) + self.own[asset].at(time_ns, mood)
        return anchor * exp(move)

    def rate(self, base: str, quote: str, time_ns: int) -> float:
        """Return ``quote`` per unit of ``base``: pairs hang together because there is one price per asset."""
        return self.usd(base, time_ns) / self.usd(quote, time_ns)
