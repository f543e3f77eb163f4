"""Numbers that only the pages of the markets show."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from django import template

from dashboard.templatetags.figures import DASH, MINUS, grouped

register = template.Library()


@register.filter
def micro(price: float | Literal[""] | None, decimals: int) -> str:
    """Return a price between two ticks: one digit more than the instrument's."""
    return DASH if price is None or price == "" else grouped(Decimal(price), decimals + 1)


@register.filter
def percent_signed(share: float | Literal[""] | None) -> str:
    """Return a share from -1 to 1 in whole percent with its sign."""
    if share is None or share == "":
        return DASH
    percent = round(100 * share)
    return f"{'+' if percent > 0 else MINUS if percent < 0 else ''}{abs(percent)} %"


@register.filter
def percent_of_bps(rate_bps: Decimal) -> str:
    """Return basis points as percent, two digits."""
    return grouped(rate_bps / 100, 2)


@register.filter
def share_class(share_pct: float) -> str:
    """Return the class that draws the share: `market.css` has one for every two percent."""
    return f"share-{2 * round(min(max(share_pct, 0.0), 100.0) / 2)}"
