"""A strategy on disk that tests edit: it buys and sells in turn, and says in each reason which version it is."""

from __future__ import annotations

from pathlib import Path

FLIPPER = '''
"""Buys and sells in turn."""

from typing import Annotated

import msgspec

from trading.signals import NoSignal, Signal

from ._rules.sizes import SIZE

STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS = "flipper", "{version}", ["BTC/USD"]


class Config(msgspec.Struct, frozen=True):
    {key}: Annotated[int, msgspec.Meta(ge=1, le=100, description="evaluations between two orders")] = 20


def generate_signal(data, config, state):
    asked = state["asked"] = state.get("asked", 0) + 1
    if asked % config.{key}:
        return NoSignal("waiting")
    reason = f"{{STRATEGY_VERSION}} with {{SIZE}} after {{asked}}"
    if data.portfolio.is_flat("BTC/USD"):
        return Signal.buy("BTC/USD", SIZE, reason=reason)
    return Signal.sell("BTC/USD", reason=reason)
'''


def write_flipper(
    folder: Path, version: str = "1.0.0", *, size: int = 20, key: str = "every", ending: str = ""
) -> None:
    """Write the strategy and the rule that it shares with others, over what is there."""
    (folder / "_rules").mkdir(exist_ok=True)
    (folder / "_rules" / "__init__.py").write_text("")
    (folder / "_rules" / "sizes.py").write_text(f"SIZE = {size}\n")
    (folder / "flipper.py").write_text(FLIPPER.format(version=version, key=key) + ending)
