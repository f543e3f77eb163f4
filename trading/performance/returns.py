"""Returns: a gain in percent of the money it was made with.

What the owner pays in or takes out is neither gain nor loss: a gain is a change of equity less stake.
"""

from __future__ import annotations

from decimal import Decimal

HUNDRED = Decimal(100)


def return_pct(gain: Decimal, base: Decimal) -> Decimal | None:
    """Return ``gain`` in percent of ``base``, both in one currency; None when ``base`` is zero or below.

    For a whole account ``base`` is all that was ever paid in; for a stretch of it, what there was
    at its beginning and what was paid in since.
    """
    return gain / base * HUNDRED if base > 0 else None


def fees_of_edge_pct(gain: Decimal, fees: Decimal) -> Decimal | None:
    """Return ``fees`` in percent of the gain before them; None without a fee or without such a gain.

    ``gain`` has the fees taken off; both in one currency.
    """
    edge = gain + fees
    return fees / edge * HUNDRED if fees and edge > 0 else None
