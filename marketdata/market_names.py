"""What the name of a market says about it."""

from __future__ import annotations


def is_recording(market: str) -> bool:
    """Return whether the market of this name is a recorded one: it has a first frame and a last."""
    return market.startswith("recording:")
