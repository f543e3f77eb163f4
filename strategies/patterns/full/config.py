"""Every number, with its unit, bounds and a line of help: the admin's form is drawn from this."""

from __future__ import annotations

from typing import Annotated

import msgspec

Pct = Annotated[float, msgspec.Meta(gt=0, le=50)]


class Config(msgspec.Struct, frozen=True):
    """What a deployment may change; what it leaves alone has the values here."""

    average_candles: Annotated[int, msgspec.Meta(ge=5, le=60, description="one-minute candles of the average")] = 30
    dip_pct: Annotated[Pct, msgspec.Meta(description="below the average that counts as a dip, percent")] = 0.1
    size_usd: Annotated[float, msgspec.Meta(ge=5, description="size of an entry; account currency")] = 25.0
    stop_loss_pct: Annotated[Pct, msgspec.Meta(description="stop below the entry, percent")] = 1.5
    take_profit_pct: Annotated[Pct, msgspec.Meta(description="target above the entry, percent; must pay two fees")] = (
        2.0
    )
    rest_s: Annotated[float, msgspec.Meta(ge=0, le=86_400, description="rest after a fill, seconds of market time")] = (
        30.0
    )

    def __post_init__(self) -> None:
        """Refuse what bounds alone cannot: keys that contradict each other.

        Raises:
            ValueError: it names the key, its value and what would be right.
        """
        if self.take_profit_pct <= self.dip_pct:
            raise ValueError(
                f"take_profit_pct is {self.take_profit_pct}; expected more than dip_pct, which is {self.dip_pct}"
            )
