"""Docstrings and comments as a page shows them."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_CODE = re.compile(r"``(.+?)``|`(.+?)`")


@register.filter
def prose(text: str) -> SafeString:
    """Return text with its code marked as such, and a line break between paragraphs."""
    marked = _CODE.sub(lambda found: f"<code>{found[1] or found[2]}</code>", str(escape(text)))
    return mark_safe(marked.replace("\n", "<br>"))  # noqa: S308 - escaped above
