"""A fill: one execution of an order of ours, with the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from trading.book import Side
from trading.fees import Liquidity

_canonical = msgspec.json.Encoder(order="sorted")


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of our order, whole or partial."""

    fill_id: str  # deployment, frame sequence, ordinal: writing it twice is impossible
    order_id: str
    symbol: str
    side: Side
    qty: Decimal  # base units, above zero
    price: Decimal  # quote per base unit
    cost: Decimal  # quote: price times quantity, exactly
    fee: Decimal  # quote, never negative
    quote: str  # the currency of cost and fee
    liquidity: Liquidity
    sequence: int  # the frame it happened in
    time_ns: int  # the market's clock
    result: Decimal | None = None  # account currency, fees of both ends included; None when it opens
    reason: str = ""
    code: str = ""  # of its order: which rule it was
    evidence: dict[str, Any] = {}

    @property
    def signed_qty(self) -> Decimal:
        """Base units gained (+) or given (-)."""
        return self.qty if self.side is Side.BUY else -self.qty


def digest(fills: Iterable[tuple[str, Fill]]) -> str:
    """Return the SHA-256, in hex, of (deployment, fill) pairs in a canonical order and spelling.

    Two runs that agree on this agree on every deployment's every price, quantity, fee
    and time. Decimals are spelled without trailing zeros, so that a number that went
    through a database counts as equal.
    """
    lines = sorted(
        f"{fill.sequence:020d} {slug} {fill.fill_id} {fill.order_id} {fill.symbol} {fill.side.value} "
        f"{plain(fill.qty)} {plain(fill.price)} {plain(fill.cost)} {plain(fill.fee)} {fill.quote} "
        f"{fill.liquidity.value} {fill.time_ns // 1_000} {'-' if fill.result is None else plain(fill.result)}"
        for slug, fill in fills
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def sealed(fill: Fill) -> Fill:
    """Return the fill with a seal in its evidence, so that a number changed later is found out."""
    return msgspec.structs.replace(fill, evidence={**fill.evidence, "seal": seal_of(fill)})


def seal_of(fill: Fill) -> str:
    """Return a checksum, 16 hex digits, of the fill and all its evidence; result, reason and code are not part of it.

    It reveals a changed number, not a forger: one who can write a fill can seal it anew.
    """
    about = {key: value for key, value in fill.evidence.items() if key != "seal"}
    facts = (
        f"{fill.fill_id} {fill.order_id} {fill.symbol} {fill.side.value} {fill.liquidity.value} {fill.quote} "
        f"{plain(fill.qty)} {plain(fill.price)} {plain(fill.cost)} {plain(fill.fee)} "
        f"{fill.sequence} {fill.time_ns // 1_000} "
    )
    return sha256(facts.encode() + _canonical.encode(about)).hexdigest()[:16]


def plain(number: Decimal) -> str:
    """Return the shortest plain spelling: no exponent, no trailing zeros, no negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
