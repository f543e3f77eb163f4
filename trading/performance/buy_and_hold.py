"""Buy and hold: what an account's money would be worth in equal parts of some assets, never traded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Deposit:
    """What was paid in (+) or taken out (-)."""

    time: datetime
    amount: Decimal  # account currency


@dataclass(frozen=True, slots=True)
class Prices:
    """What one unit of each asset was worth at a moment."""

    time: datetime
    of: Mapping[str, Decimal]  # account currency


@dataclass(frozen=True, slots=True)
class Held:
    """Worth of all that is held at a moment, before any fee of selling it."""

    time: datetime
    worth: Decimal  # account currency


def held(deposits: Sequence[Deposit], prices: Sequence[Prices], fee_pct: Decimal) -> list[Held]:
    """Return the worth at each of ``prices``, oldest first, from the first deposit on; empty without one.

    Each deposit buys the assets of ``prices`` in equal parts at the first prices at or after it, each
    purchase paying ``fee_pct``; a withdrawal is sold in the proportions held, and pays the fee, too.
    A withdrawal of more than there is leaves nothing.
    """
    units: dict[str, Decimal] = {}
    waiting = sorted(deposits, key=lambda deposit: deposit.time)
    curve = []
    for moment in prices:
        while waiting and waiting[0].time <= moment.time:
            _invest(units, waiting.pop(0).amount, moment.of, fee_pct / 100)
        if units:
            curve.append(Held(moment.time, _worth(units, moment.of)))
    return curve


def _invest(units: dict[str, Decimal], amount: Decimal, prices: Mapping[str, Decimal], fee: Decimal) -> None:
    if amount > 0:
        for asset, price in prices.items():
            units[asset] = units.get(asset, ZERO) + amount / len(prices) / (price * (1 + fee))
        return
    fetched = _worth(units, prices) * (1 - fee)
    left = max(ZERO, 1 + amount / fetched) if fetched else ZERO
    for asset in units:
        units[asset] *= left


def _worth(units: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> Decimal:
    return sum((qty * prices[asset] for asset, qty in units.items()), ZERO)
