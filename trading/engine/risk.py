"""Limits that stand between a strategy's signal and its account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec

from trading.orders import Refusal


def _limit(text: str, most: int | None = None) -> msgspec.Meta:
    # msgspec cannot bound a Decimal: the schema tells forms, __post_init__ enforces.
    bounds = {"exclusiveMinimum": 0} | ({} if most is None else {"maximum": most})
    return msgspec.Meta(description=text, extra_json_schema=bounds)


class RiskLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deployment may do. Reducing a position is always allowed."""

    max_position: Annotated[Decimal | None, _limit("most value held through one instrument; account currency")] = None
    max_exposure: Annotated[Decimal | None, _limit("most value held in all; account currency")] = None
    max_daily_loss: Annotated[
        Decimal | None, _limit("loss since 00:00 UTC at which entries stop; account currency")
    ] = None
    max_drawdown_pct: Annotated[
        Decimal | None, _limit("percent below the peak at which entries stop until a reset", 100)
    ] = None
    max_orders_per_minute: Annotated[
        int, msgspec.Meta(ge=1, le=6_000, description="orders sent in any 60 seconds of market time")
    ] = 60

    @property
    def limits_money(self) -> bool:
        """True when any limit but that of the order rate is set."""
        return not (
            self.max_position is None
            and self.max_exposure is None
            and self.max_daily_loss is None
            and self.max_drawdown_pct is None
        )

    def __post_init__(self) -> None:
        for name in ("max_position", "max_exposure", "max_daily_loss", "max_drawdown_pct"):
            value = getattr(self, name)
            if value is not None and not (value.is_finite() and value > 0):
                raise ValueError(f"{name} is {value}; expected a number above zero")
        if self.max_drawdown_pct is not None and self.max_drawdown_pct > 100:
            raise ValueError(f"max_drawdown_pct is {self.max_drawdown_pct}; expected at most 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSituation:
    """How the account stands when an entry is to be sent; money in the account's currency."""

    order_value: Decimal
    position_value: Decimal
    exposure: Decimal
    day_result: Decimal  # equity now less equity at 00:00 UTC
    drawdown_pct: Decimal
    orders_last_minute: int


def entry_refusal(limits: RiskLimits, now: RiskSituation) -> Refusal | None:
    """Return why an entry may not be sent, or None when it may."""
    if limits.max_position is not None and now.position_value + now.order_value > limits.max_position:
        return Refusal(
            "max_position",
            f"the position would be worth {now.position_value + now.order_value:.2f}; "
            f"the limit is {limits.max_position}",
        )
    if limits.max_exposure is not None and now.exposure + now.order_value > limits.max_exposure:
        return Refusal(
            "max_exposure",
            f"all positions would be worth {now.exposure + now.order_value:.2f}; the limit is {limits.max_exposure}",
        )
    if limits.max_daily_loss is not None and -now.day_result >= limits.max_daily_loss:
        return Refusal(
            "max_daily_loss",
            f"{-now.day_result:.2f} was lost since midnight UTC; the limit is {limits.max_daily_loss}",
        )
    if limits.max_drawdown_pct is not None and now.drawdown_pct >= limits.max_drawdown_pct:
        return Refusal(
            "max_drawdown",
            f"the account is {now.drawdown_pct:.2f} % below its peak; the limit is {limits.max_drawdown_pct} %",
        )
    return rate_refusal(limits, now.orders_last_minute)


def rate_refusal(limits: RiskLimits, orders_last_minute: int) -> Refusal | None:
    """Return why no further order of any kind may be sent in this minute, or None."""
    if orders_last_minute < limits.max_orders_per_minute:
        return None
    return Refusal(
        "order_rate",
        f"{orders_last_minute} orders in the last minute; the limit is {limits.max_orders_per_minute}",
    )
