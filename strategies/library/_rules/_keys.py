"""How a config's keys are described: in a line of help, with bounds where there are any."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec


def key(text: str, **bounds: Any) -> msgspec.Meta:
    """Return the description of a key: its meaning and unit, and its bounds (``ge``, ``gt``, ``le``, ``lt``)."""
    return msgspec.Meta(description=text, **bounds)


Switch = Annotated[bool, key("whether the rule is in force")]
