"""Columns that every row of money has, and what they can hold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

from django.db import models

_STORED = Decimal("1e-18")
_WIDE = Context(prec=40)
_WHOLE_DIGITS = 18  # before the point


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """Return a field that holds any amount, price or quantity we trade, exactly."""
    return models.DecimalField(max_digits=36, decimal_places=18, **options)


def stored(number: Decimal | None) -> Decimal | None:
    """Return a derived figure at the precision of its column; ledger amounts are exact and never pass here.

    One that no column can hold stays as it is, and is named when its row is checked.
    """
    if number is None or not number.is_finite() or number.adjusted() >= _WHOLE_DIGITS:
        return number
    return number.quantize(_STORED, context=_WIDE)


def columns_of(model: type[models.Model]) -> Sequence[models.Field[Any, Any]]:
    """Return the columns of a table, in their order."""
    return model._meta.concrete_fields  # noqa: SLF001  (Django's own name)
