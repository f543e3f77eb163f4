"""What a strategy may read of its account: what trading costs it."""

from __future__ import annotations

from typing import Any

from tests.drawing import Scene
from tests.making import make_strategy, make_terms
from trading.engine import Engine
from trading.snapshot import DataSnapshot


def test_a_taker_pays_more_than_a_maker_at_the_lowest_tier() -> None:
    seen: list[float] = []

    def curious(data: DataSnapshot, config: Any, state: dict[str, Any]) -> None:
        seen.extend([data.portfolio.taker_pct, data.portfolio.maker_pct])

    Engine(make_strategy(curious), {}, make_terms()).process(*Scene().show("101 x 3\n---\n99 x 2"))

    assert seen == [0.4, 0.25]
