"""Why an open order has not been filled yet, in a cell of a table."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.deployment.waiting import Told, waiting_details, waiting_sentence
from portfolios.models import Order

register = template.Library()


@register.simple_tag
def why_not_yet(order: Order, waiting: Mapping[str, Told]) -> SafeString:
    """Return the sentence, with what was traded at its price beneath it."""
    told = waiting.get(order.order_id)
    details = waiting_details(order, told)
    sentence = format_html("{}", waiting_sentence(order, told))
    return format_html("{} <small>{}</small>", sentence, details) if details else sentence
