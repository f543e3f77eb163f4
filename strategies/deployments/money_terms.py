"""What a deployment's JSON says about its money: starting assets and the terms of margin."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from re import fullmatch
from typing import Any

import msgspec
from django.core.exceptions import ValidationError

from portfolios.commands.payments import CURRENCY, check_amount
from trading.accounting.margin import MarginTerms
from trading.fills import plain

EXPECTED_ASSETS = "expected amounts with currencies, like 0.01 BTC, 5 ETH"


def starting_assets(values: Any) -> dict[str, Decimal]:
    """Return what is paid in beside the stake, by currency.

    Raises:
        ValidationError: of the field ``assets``, with the value and what would be right.
    """
    if not isinstance(values, dict):
        raise _wrong_assets(f"assets are {values!r}")
    return {currency: _asset(currency, amount) for currency, amount in values.items()}


def _asset(currency: Any, text: Any) -> Decimal:
    if not (isinstance(currency, str) and fullmatch(CURRENCY, currency)):
        raise _wrong_assets(f"assets hold the currency {currency!r}")
    try:
        amount = Decimal(str(text))
        check_amount(amount)
    except (InvalidOperation, ValidationError):
        raise _wrong_assets(f"assets hold {text!r} of {currency}") from None
    if amount < 0:
        raise _wrong_assets(f"assets hold {text!r} of {currency}")
    return amount


def _wrong_assets(problem: str) -> ValidationError:
    return ValidationError({"assets": f"{problem}; {EXPECTED_ASSETS}"})


def assets_from_text(text: str) -> dict[str, str]:
    """Return the assets that a person wrote like "0.01 BTC, 5 ETH".

    Raises:
        ValidationError: of the field ``assets``.
    """
    assets: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        words = part.split()
        if len(words) != 2:
            raise _wrong_assets(f"assets hold {part!r}")
        currency = words[1].upper()
        if currency in assets:
            raise _wrong_assets(f"assets hold {currency} twice")
        assets[currency] = plain(_asset(currency, words[0]))
    return assets


def assets_as_text(assets: Mapping[str, Any]) -> str:
    """Return the assets as a person writes them."""
    return ", ".join(f"{amount} {currency}" for currency, amount in assets.items())


def margin_terms(values: Any) -> MarginTerms:
    """Return the terms on which the deployment borrows; what ``values`` leaves out is the exchange's.

    Raises:
        ValidationError: of the field ``margin``, with what is wrong.
    """
    try:
        return msgspec.convert(values, MarginTerms, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationError({"margin": f"margin terms: {error}"}) from None
