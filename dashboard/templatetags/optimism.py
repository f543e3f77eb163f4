"""The optimism gap: returns of the fill models in a cell, details in its title."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.templatetags.figures import DASH, MINUS, grouped
from portfolios.results.optimism import Optimism

register = template.Library()


def percent(number: Decimal) -> str:
    """Return a percentage with its sign."""
    shown = grouped(number, 2)
    return shown if shown.startswith(MINUS) or round(number, 2) == 0 else f"+{shown}"


@register.filter
def band(optimism: Optimism) -> SafeString:
    """Return the lowest and highest return; the title names each fill model's and since when, or why there is none."""
    if optimism.band is None:
        return format_html('<span class="unknown" title="{}">{}</span>', optimism.reason.capitalize(), DASH)
    low, high = percent(optimism.band.low_pct), percent(optimism.band.high_pct)
    return format_html('<span class="band" title="{}">{} … {} %</span>', models_in_words(optimism), low, high)


@register.filter
def models_in_words(optimism: Optimism) -> str:
    """Return every fill model's return, and since when they count."""
    returns = [
        f"{line.fill_model}{' (own)' if line.is_own else ''} {percent(line.return_pct)} %"
        for line in optimism.lines
        if line.return_pct is not None
    ]
    since = optimism.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if optimism.since else "start"
    return f"{', '.join(returns)}; since {since}"
