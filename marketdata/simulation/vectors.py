"""Chance and noise for many moments at once: number for number what `chance` and `prices` say of each."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketdata.simulation.chance import Noise
from marketdata.simulation.prices import BURST_OCTAVES, Prices, Wander

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_UNIT = 1.0 / (1 << 53)


def mixed(*parts: int | Ints) -> Words:
    """Return `chance.mixed` of each element; plain numbers belong to all."""
    shape = np.broadcast_shapes(*(np.shape(part) for part in parts))
    state: Any = np.zeros(shape, dtype=np.uint64)
    for part in parts:
        word = np.uint64(part & (1 << 64) - 1) if isinstance(part, int) else part.astype(np.uint64)
        state = (state ^ word) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        state = state ^ state >> np.uint64(31)
    words: Words = state
    return words


def uniform(*parts: int | Ints) -> Floats:
    """Return `chance.uniform` of each element."""
    return (mixed(*parts) >> np.uint64(11)).astype(np.float64) * _UNIT


def each(function: Callable[..., float], *arrays: Floats) -> Floats:
    """Return the standard library's function of each element: numpy's own may differ in the last digit."""
    return np.fromiter(map(function, *(array.tolist() for array in arrays)), np.float64, len(arrays[0]))


def noise_at(noise: Noise, times_ns: Ints) -> Floats:
    """Return ``noise.at`` of each time."""
    at, rest_ns = np.divmod(times_ns, noise.period_ns)
    first = int(at.min())
    lattice = 2.0 * uniform(noise.key, np.arange(first, int(at.max()) + 2)) - 1.0
    x = rest_ns / noise.period_ns
    before, after = lattice[at - first], lattice[at - first + 1]
    value: Floats = before + (after - before) * x * x * (3.0 - 2.0 * x)
    return value


def rates(prices: Prices, base: str, quote: str, times_ns: Ints) -> Floats:
    """Return ``prices.rate`` of each time."""
    mood = each(exp, _sum(prices.moods, times_ns))
    common = _wander(prices.common, times_ns, mood)
    worth = [_usd(prices, asset, times_ns, mood, common) for asset in (base, quote)]
    return worth[0] / worth[1]


def _usd(prices: Prices, asset: str, times_ns: Ints, mood: Floats, common: Floats) -> Floats:
    if asset == "USD":
        return np.ones(len(times_ns))
    anchor, share, _ = prices.ASSETS[asset]
    return anchor * each(exp, share * common + _wander(prices.own[asset], times_ns, mood))


def _wander(wander: Wander, times_ns: Ints, mood: Floats) -> Floats:
    fast = _sum(wander.octaves[:BURST_OCTAVES], times_ns)
    return mood * fast + _sum(wander.octaves[BURST_OCTAVES:], times_ns)


def _sum(parts: list[tuple[Noise, float]], times_ns: Ints) -> Floats:
    total = np.zeros(len(times_ns))
    for noise, weight in parts:
        total = total + weight * noise_at(noise, times_ns)
    return total
