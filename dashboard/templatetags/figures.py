"""Numbers as shown on pages: grouped, signed, aligned; a dash for what is unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from textwrap import dedent
from typing import Any, Literal

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.deployment.reasons import ReasonShares, shares_of
from dashboard.deployment.reasons import why_sentence as sentence_of
from dashboard.page.scene import plain_scene
from dashboard.panels import MARKET
from portfolios.models import Order
from portfolios.rows.reasons import Reasons
from trading.fills import plain
from trading.signals import Amend, Cancel, Signal

register = template.Library()

Figure = Decimal | Literal[""] | None  # a template hands over "" for an attribute of nothing

DASH = "–"
MINUS = "−"
# The price's size decides its decimals, so that a column of one symbol's prices stays aligned.
_PRICE_DECIMALS = ((10_000, 1), (1_000, 2), (100, 3), (10, 4), (1, 5))
_SMALL_PRICE_DECIMALS = 8
_TELLING_DIGITS = 4


def grouped(number: Decimal, decimals: int) -> str:
    """Return the number with thousands separators and a real minus sign."""
    rounded = round(number, decimals)
    if rounded == 0:
        rounded = abs(rounded)  # never minus zero
    return f"{rounded:,.{decimals}f}".replace("-", MINUS)


def _telling(number: Decimal, decimals: int) -> int:
    """Return ``decimals``, or as many more as show four digits of a number that is smaller than they can show."""
    if not number or abs(number) >= Decimal(10).scaleb(-decimals):
        return decimals
    return max(decimals, _TELLING_DIGITS - 1 - number.adjusted())


@register.filter
def amount(number: Figure, decimals: int = 2) -> str:
    """Return an unsigned amount of money."""
    return grouped(number, decimals) if isinstance(number, Decimal) else DASH


@register.filter
def quoted(number: Figure) -> str:
    """Return an amount of any quote currency: eight decimals where four would show zero."""
    if not isinstance(number, Decimal):
        return DASH
    return grouped(number, _telling(number, 8) if 0 < abs(number) < Decimal("0.001") else 4)


@register.filter
def price(number: Figure) -> str:
    """Return a price."""
    if not isinstance(number, Decimal):
        return DASH
    decimals = next((count for least, count in _PRICE_DECIMALS if abs(number) >= least), 0)
    decimals = decimals or _telling(number, _SMALL_PRICE_DECIMALS)
    exponent = number.as_tuple().exponent
    # No more digits than the price was quoted with.
    return grouped(number, min(decimals, -exponent) if isinstance(exponent, int) and exponent <= 0 else decimals)


@register.simple_tag
def price_of(number: Figure, symbol: str, decimals: Mapping[str, int]) -> str:
    """Return a price in its instrument's decimals, by its size where those are unknown."""
    if not isinstance(number, Decimal) or symbol not in decimals:
        return price(number)
    # What is between two ticks, such as a mean, or from before the pair became coarser, is never shown as zero.
    return grouped(number, decimals[symbol] if round(number, decimals[symbol]) else _telling(number, decimals[symbol]))


@register.filter
def exact(number: Figure) -> str:
    """Return every digit, without trailing zeros."""
    return plain(number).replace("-", MINUS) if isinstance(number, Decimal) else DASH


@register.filter
def exact_plain(number: Figure) -> str:
    """Return every digit as a program reads them; nothing for what is not known."""
    return plain(number) if isinstance(number, Decimal) else ""


@register.filter
def quantity(number: Figure) -> str:
    """Return a quantity to eight decimals, without trailing zeros; to more where those would show nothing of it."""
    return plain(round(number, _telling(number, 8))).replace("-", MINUS) if isinstance(number, Decimal) else DASH


@register.filter
def signed(number: Figure, decimals: int = 2) -> SafeString | str:
    """Return a gain or loss: sign, arrow and colour say the same thing."""
    if not isinstance(number, Decimal):
        return DASH
    rounded = round(number, decimals)
    if rounded == 0:
        return format_html('<span class="flat" title="{}">{}</span>', plain(number), grouped(Decimal(0), decimals))
    way, sign = ("gain", "+") if rounded > 0 else ("loss", MINUS)
    return format_html(
        '<span class="{}" title="{}">{}{}</span>', way, plain(number), sign, grouped(abs(number), decimals)
    )


@register.filter
def drawdown(number: Figure) -> SafeString | str:
    """Return a fall from the peak, in percent, as a negative number."""
    if not isinstance(number, Decimal):
        return DASH
    if round(number, 2) == 0:
        return mark_safe('<span class="flat">0.00</span>')
    return format_html('<span class="fall">{}{}</span>', MINUS, grouped(number, 2))


@register.filter
def moment(time: datetime | None, style: str = "age") -> SafeString | str:
    """Return a `<time>` that the page's script turns into an age or the reader's local time."""
    if time is None:
        return DASH
    utc = time.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-as="{}" title="{} UTC">{}</time>',
        utc.isoformat().replace("+00:00", "Z"),
        style,
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        utc.strftime("%H:%M:%S") if style != "date" else utc.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.filter
def seconds(age_s: float | Literal[""] | None) -> str:
    """Return an age in whole seconds, minutes or hours."""
    if age_s is None or age_s == "":
        return DASH
    if age_s < 60:
        return f"{age_s:.0f} s"
    return f"{age_s / 60:.0f} min" if age_s < 3_600 else f"{age_s / 3_600:.0f} h"


@register.filter
def duration(length_s: float | Literal[""] | None) -> str:
    """Return a length of time in its two largest units."""
    if length_s is None or length_s == "":
        return DASH
    minutes, hours, days = (int(length_s // unit) for unit in (60, 3_600, 86_400))
    if minutes < 1:
        return f"{length_s:.0f} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days < 2 else f"{days} d {hours % 24} h"


@register.filter
def share(part: float | Literal[""] | None) -> str:
    """Return a share in percent."""
    return DASH if part is None or part == "" else f"{part * 100:.1f} %"


@register.filter
def size(number: float | Literal[""] | None) -> str:
    """Return bytes in the unit that suits them."""
    return DASH if number is None or number == "" else str(filesizeformat(number))


@register.filter
def count(number: float | Literal[""] | None) -> str:
    """Return a whole number, grouped."""
    return DASH if number is None or number == "" else f"{number:,.0f}"


@register.filter
def rate(number: float | None) -> str:
    """Return how often something happens a second; what is rare keeps a decimal."""
    if number is None:
        return DASH
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1f}"


@register.filter
def as_json(value: Any) -> str:
    """Return a config value as it would be written; text without quotation marks."""
    if value is None:
        return DASH
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def indicator(value: Any) -> str:
    """Return an indicator's value: six digits of a number, text as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}".replace("-", MINUS) if abs(value) < 1_000 else f"{value:,.2f}".replace("-", MINUS)
    return DASH if value is None else str(value)


@register.filter
def why_sentence(code: str) -> str:
    """Return what a no-trade reason means; empty for a code of the strategy's own."""
    return sentence_of(code)


@register.filter
def reason_shares(reasons: Reasons) -> list[ReasonShares]:
    """Return the no-trade reasons with their shares of time."""
    return shares_of(reasons)


@register.filter
def spelled(word: str) -> str:
    """Return a stored word as people write it."""
    return word.replace("_", " ")


@register.filter
def process_name(kind: str) -> str:
    """Return a process kind as the page names it."""
    return {"warden": "supervisor", "beat": "scheduler"}.get(kind, kind)


@register.filter
def flags(order: Order) -> list[str]:
    """Return the particular properties of a live order, in words."""
    words = {
        "in transit": order.status == "sent",
        "post-only": order.is_post_only,
        "reduce-only": order.is_reduce_only and not order.parent_id,
        "triggered": order.is_triggered,
        "not matched since a data gap": order.is_after_gap,
        "OCO": bool(order.sibling_id),
    }
    shown = [word for word, is_set in words.items() if is_set]
    if order.leverage is not None:
        shown.insert(0, f"{plain(round(order.leverage, 2))}× on margin")
    return shown if order.time_in_force in ("gtc", "gtd") else [*shown, order.time_in_force.upper()]


@register.filter
def look_up(mapping: Any, key: str) -> Any:
    """Return ``mapping[key]``, or the key itself when it is missing."""
    return mapping.get(key, key)


@register.simple_tag
def market_banner() -> SafeString:
    """Return the market banner, for pages that have no socket."""
    return MARKET.draw(plain_scene()).html


@register.simple_tag
def market_line() -> str:
    """Return the market in one line of text."""
    market = plain_scene().market
    return f"{market.title} · {market.state}. {market.note}".strip()


@register.filter
def drawn(book: str) -> str:
    """Return an order book drawn as text, without the margin that it has in code."""
    return dedent(book).strip("\n")


@register.filter
def in_one_line(text: str) -> str:
    """Return several lines as one."""
    return " | ".join(line.strip() for line in text.strip().splitlines())


@register.filter
def in_words(wanted: Signal | Cancel | Amend) -> str:
    """Return a strategy's signal as text."""
    if isinstance(wanted, Cancel):
        return "cancel it"
    if isinstance(wanted, Amend):
        return "amend it"
    parts = [f"{wanted.action.value} {wanted.size}", wanted.order_type.value.replace("_", " ")]
    options = ("limit_price", "trigger_price", "trail", "trail_pct", "stop_loss", "take_profit", "expires_in_s")
    given = [(name, getattr(wanted, name)) for name in options if getattr(wanted, name) is not None]
    parts += [f"{name.removesuffix('_price').replace('_', ' ')} {value}" for name, value in given]
    flags = {"post-only": wanted.post_only, "reduce-only": wanted.reduce_only}
    parts += [name for name, is_set in flags.items() if is_set]
    return ", ".join(parts if wanted.time_in_force == "gtc" else [*parts, wanted.time_in_force.value])
