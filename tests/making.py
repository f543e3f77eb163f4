"""Honest defaults with keyword overrides."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.drawing import Scene
from trading.engine import Engine, Outcome, Terms
from trading.orders import Order
from trading.signals import Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Strategy


def make_strategy(generate_signal: Callable[..., Any], **changes: Any) -> Strategy:
    defaults = {"name": "test", "version": "1.0.0", "symbols": ("XRP/USD",), "generate_signal": generate_signal}
    return Strategy(**{**defaults, **changes})


def make_terms(**changes: Any) -> Terms:
    return Terms(**{"slug": "test", "symbols": ("XRP/USD",), "stake": Decimal(1000), "latency_ms": 0, **changes})


def says(*answers: Any) -> Callable[..., Any]:
    """Return a strategy function that gives these answers, one a frame, then nothing."""
    return _giving(list(answers))


def _giving(answers: list[Any]) -> Callable[..., Any]:
    def generate_signal(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Any:
        return answers.pop(0) if answers else None

    return generate_signal


class Bench:
    """One engine on one scene."""

    def __init__(self, *answers: Signal | list[Signal] | None, scene: Scene | None = None, **terms: Any) -> None:
        self.scene = scene or Scene()
        self._answers: list[Any] = [None, *answers]
        self.engine = Engine(make_strategy(_giving(self._answers)), {}, make_terms(**terms))
        self.outcomes: list[Outcome] = []

    def then(self, *answers: Any) -> None:
        """Let the strategy give these answers, too, one a frame."""
        self._answers += answers

    def show(self, *args: Any, **changes: Any) -> Outcome:
        frame, snapshot = self.scene.show(*args, **changes)
        outcome = self.engine.process(frame, snapshot)
        self.outcomes.append(outcome)
        return outcome

    @property
    def fills(self) -> list[tuple[str, Decimal, Decimal]]:
        """Side, quantity and price of every fill so far."""
        return [(f.side.value, f.qty, f.price) for outcome in self.outcomes for f in outcome.fills]

    def balance(self, currency: str) -> Decimal:
        return self.engine.account.balance(currency)

    @property
    def refused(self) -> list[Order]:
        """Every order that was refused or cancelled so far, in the order in which they were made."""
        orders = {o.order_id: o for outcome in self.outcomes for o in outcome.orders.values()}
        return [order for order in orders.values() if order.refusal]
