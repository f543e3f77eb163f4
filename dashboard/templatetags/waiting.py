"""Fill status of an open order, in a cell of a table."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.deployment.waiting import Waiting, waiting_details, waiting_sentence
from portfolios.models import Order

register = template.Library()


@register.simple_tag
def fill_status(order: Order, waiting: Mapping[str, Waiting]) -> SafeString:
    """Return the sentence, with what traded at the order's price beneath it."""
    found = waiting.get(order.order_id)
    details = waiting_details(order, found)
    sentence = format_html("{}", waiting_sentence(order, found))
    return format_html("{} <small>{}</small>", sentence, details) if details else sentence
