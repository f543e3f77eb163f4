"""Columns that every row of money has."""

from __future__ import annotations

from typing import Any

from django.db import models


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """Return a field that holds any amount, price or quantity we trade, exactly."""
    return models.DecimalField(max_digits=36, decimal_places=18, **options)
