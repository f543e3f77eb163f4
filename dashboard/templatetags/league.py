"""Cells of the league table."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.templatetags.figures import DASH
from portfolios.results.performance import Performance
from strategies.league.board import Health
from strategies.league.table import Place

register = template.Library()


@register.filter
def moved(place: Place) -> SafeString | str:
    """Return the arrow of a changed place; nothing when it is the same, or there was none."""
    change = place.rank_change
    if change is None:
        return ""
    if change == 0:
        return mark_safe('<small class="moved flat" title="as before">·</small>')
    way, sign, word = ("gain", "▲", "up from") if change > 0 else ("loss", "▼", "down from")
    return format_html(
        '<small class="moved moved-{}" title="{} {}"><span aria-hidden="true">{}</span>{}</small>',
        way, word, place.rank_before, sign, abs(change),
    )  # fmt: skip


@register.filter
def health_word(health: Health) -> str:
    """Return a health as the page writes it."""
    return "not recorded" if health is Health.NOT_KEPT else health.value


@register.filter
def words(place: Place) -> str:
    """Return the text that the page's filter searches."""
    deployment = place.deployment
    terms = [deployment.name, deployment.slug, deployment.strategy, *place.symbols, health_word(place.health)]
    terms += [deployment.fill_model, "benchmark" if place.benchmark else ""]
    return " ".join(terms).lower()


@register.filter
def absent(performance: Performance, figure: str) -> SafeString:
    """Return a dash that says why the figure is not there."""
    return format_html('<span class="unknown" title="{}">{}</span>', performance.reasons.get(figure, ""), DASH)
