"""A deployment on a real runner and a drawn market: orders are handed to it by hand, rows are what comes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marketdata import bus
from portfolios.models import Account
from strategies.deployments.services import create_deployment, pause_deployment
from strategies.models import Deployment
from strategies.seasons import open_season
from strategies.worker.commands import apply_commands
from strategies.worker.hosting import Hosted
from strategies.worker.runner import Runner
from tests.drawing import Scene
from trading.book import Side
from trading.orders import Order, Purpose
from trading.signals import OrderType

MARKET = "recording:test:00000000"


def around(price: int) -> str:
    """Return a deep book a dollar wide on each side of ``price``."""
    return f"{price + 1} x 1000000\n---\n{price - 1} x 1000000"


class Work:
    """The strategy is paused, so that nothing happens but what a test asks for."""

    def __init__(self, scene: Scene | None = None, **fields: Any) -> None:
        bus.redis_client().flushall()
        self.scene = scene or Scene()
        self.season = open_season(market=MARKET)
        symbols = [i.symbol for i in self.scene.instruments]
        given = {"slug": "a", "name": "A", "strategy": "buy_and_hold", "cash": 1000, "symbols": symbols, **fields}
        self.deployment: Deployment = create_deployment(by="test", **given)
        pause_deployment(deployment=self.deployment, by="test")
        self.runner = self.hosting(Runner(MARKET))
        self._orders = 0

    def hosting(self, runner: Runner) -> Runner:
        runner.host(Deployment.objects.select_related("account").get(), lambda _: [])
        return runner

    def dies(self) -> None:
        """Lose the worker with all that it had not committed; another takes over on the same market."""
        successor = Runner(MARKET)
        successor.market = self.runner.market
        self.runner = self.hosting(successor)

    @property
    def hosted(self) -> Hosted:
        (hosted,) = self.runner.hosted.values()
        return hosted

    @property
    def account(self) -> Account:
        return Account.objects.select_related("standing").get(closed_at=None)

    def show(self, *args: Any, **changes: Any) -> None:
        """Show the next frame and commit."""
        self.runner.process(self.scene.frame(*args, **changes))
        self.runner.flush()

    def settle(self) -> None:
        """Show frames until the account is marked."""
        for _ in range(10):
            self.runner.process(self.scene.frame())
        self.runner.flush()

    def send(self, side: str, qty: Any, symbol: str = "", **changes: Any) -> Order:
        """Send an order that arrives with the next frame."""
        instrument = next(i for i in self.scene.instruments if i.symbol == (symbol or self.scene.instruments[0].symbol))
        self._orders += 1
        leverage = changes.pop("leverage", None)
        order = Order(
            **{
                "order_id": f"a:{self.scene.sequence}:o{self._orders}",
                "symbol": instrument.symbol,
                "side": Side(side),
                "type": OrderType.MARKET,
                "purpose": Purpose.ENTRY,
                "lots": instrument.lots(Decimal(str(qty))),
                "created_sequence": self.scene.sequence,
                "created_ns": self.scene.now_ns,
                "arrives_ns": self.scene.now_ns,
                "leverage": None if leverage is None else Decimal(str(leverage)),
                **changes,
            }
        )
        self.hosted.engine.venue.send(order)
        return order

    def trade(self, side: str, qty: Any, **changes: Any) -> None:
        """Send an order and show the frame in which it is filled."""
        self.send(side, qty, **changes)
        self.show()

    def apply(self) -> set[str]:
        """Have the worker apply what is requested."""
        return apply_commands(self.runner)
