"""A bench on a market that stalls, halts and has gaps."""

from __future__ import annotations

from tests.drawing import Scene
from tests.making import Bench
from trading.frames import Gap
from trading.orders import Order
from trading.signals import Signal

BOOK = """
    102 x 900
    101 x 300
    100 x 200
    ---
     99 x 500
     98 x 500
"""


def buy(qty: float, **options: object) -> Signal:
    return Signal.buy("XRP/USD", qty, size_in="base", **options)


def limit(price: float, **options: object) -> dict[str, object]:
    return {"order_type": "limit", "limit_price": price, **options}


def bench(*answers: object, book: str = BOOK, scene: Scene | None = None, **terms: object) -> Bench:
    made = Bench(*answers, scene=scene, **terms)
    made.show(book)
    made.show()
    return made


def gap(b: Bench) -> Gap:
    return Gap(b.scene.now_ns - 5_000_000_000, b.scene.now_ns, "drawn")


def live(b: Bench) -> list[Order]:
    return list(b.engine.open_orders.values())
