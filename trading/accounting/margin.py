"""Margin: on what terms the exchange lends, and how an account that owes it stands.

A leveraged buy borrows its whole cost in quote, a short the base that it sells; what the
account owns is the collateral and is not touched. The terms are Kraken's for spot margin
(support.kraken.com 206161568, fees, and 204586258, maintenance margin; read in 2026-02):
the fee is charged on all that is lent, at opening and every four hours, at a rate locked
when it was taken up; margin is called at a level of 80 % and closed by the exchange at 40 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from trading.accounting.ledger import FEE_QUANTUM, ZERO
from trading.accounting.positions import Loan, Position
from trading.book import Side
from trading.frames import NS_PER_S
from trading.orders import Refusal

# Per cent of a hundredth: 2.5 is 0.025 %. Kraken's own example, February 2026, and its lowest for Bitcoin.
_LENDING_BPS = {"USD": Decimal("2.5"), "BTC": Decimal(1)}


def _about(text: str, most: int) -> msgspec.Meta:
    # msgspec cannot bound a Decimal: the schema tells forms, __post_init__ enforces.
    return msgspec.Meta(description=text, extra_json_schema={"minimum": 0, "maximum": most})


def _require_within(name: str, number: Decimal, most: int) -> None:
    if not (number.is_finite() and 0 <= number <= most):
        raise ValueError(f"{name} is {number}; expected a number from 0 to {most}")


class LeverageLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exposure per unit of equity at most; zero where there is no margin.

    Raises:
        ValueError: below zero, or more than an exchange gives.
    """

    long: Annotated[Decimal, _about("most value bought per unit of equity; 0: no margin", 100)] = Decimal("1.5")
    short: Annotated[Decimal, _about("most value sold short per unit of equity; 0: no margin", 100)] = Decimal(2)

    def __post_init__(self) -> None:
        _require_within("long", self.long, 100)
        _require_within("short", self.short, 100)

    def of(self, side: Side) -> Decimal:
        """Return the limit of a position entered by an order of ``side``."""
        return self.long if side is Side.BUY else self.short


class MarginTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On what terms the exchange lends.

    Raises:
        ValueError: a rate below zero, or a position at full leverage would be closed as soon as it is open.
    """

    limits: LeverageLimits = LeverageLimits()
    limits_by_symbol: Annotated[
        dict[str, LeverageLimits], msgspec.Meta(description='other limits, like {"BTC/USD": {"long": "3", "short": 0}}')
    ] = {}
    call_level_pct: Annotated[
        Decimal, _about("equity in percent of the used margin at which margin is called", 1_000)
    ] = Decimal(80)
    stop_level_pct: Annotated[Decimal, _about("and at which the exchange closes positions", 1_000)] = Decimal(40)
    maintenance_pct: Annotated[
        Decimal, _about("equity in percent of the borrowed positions' value at which they are closed, too", 100)
    ] = Decimal(25)
    lending_bps: Annotated[
        dict[str, Decimal],
        msgspec.Meta(description="by currency lent, basis points of the value lent: at opening and at each rollover"),
    ] = msgspec.field(default_factory=_LENDING_BPS.copy)
    other_lending_bps: Annotated[Decimal, _about("of currencies not listed", 10_000)] = Decimal(2)
    rollover_every_s: Annotated[
        int, msgspec.Meta(ge=60, le=31_536_000, description="seconds of market time between rollovers")
    ] = 4 * 3_600
    # Beside the taker fee; Kraken publishes none.
    liquidation_bps: Annotated[Decimal, _about("of the value that the exchange closes", 10_000)] = ZERO

    def __post_init__(self) -> None:
        for currency, rate in self.lending_bps.items():
            _require_within(f"lending_bps of {currency}", rate, 10_000)
        _require_within("other_lending_bps", self.other_lending_bps, 10_000)
        _require_within("liquidation_bps", self.liquidation_bps, 10_000)
        _require_within("call_level_pct", self.call_level_pct, 1_000)
        _require_within("stop_level_pct", self.stop_level_pct, 1_000)
        _require_within("maintenance_pct", self.maintenance_pct, 100)
        if self.rollover_every_s <= 0:
            raise ValueError(f"rollover_every_s is {self.rollover_every_s}; expected seconds above zero")
        if self.stop_level_pct > self.call_level_pct:
            raise ValueError(
                f"stop_level_pct is {self.stop_level_pct}; expected at most call_level_pct, {self.call_level_pct}"
            )
        for limits in (self.limits, *self.limits_by_symbol.values()):
            most = max(limits.long, limits.short)
            if most * self.maintenance_pct >= 100:
                raise ValueError(
                    f"at a leverage of {most} the equity is {100 / most:.1f} % of the position; "
                    f"expected maintenance_pct below that, not {self.maintenance_pct}"
                )

    def limit(self, symbol: str, side: Side) -> Decimal:
        """Return the most leverage of a position in ``symbol`` entered by an order of ``side``."""
        return self.limits_by_symbol.get(symbol, self.limits).of(side)

    def rate_bps(self, currency: str) -> Decimal:
        """Return what lending ``currency`` costs at opening, and again at each rollover."""
        return self.lending_bps.get(currency, self.other_lending_bps)

    def refusal(self, symbol: str, side: Side, leverage: Decimal) -> Refusal | None:
        """Return why an order may not have its leverage, or None."""
        limit = self.limit(symbol, side)
        if 1 <= leverage <= limit:
            return None
        word = "long" if side is Side.BUY else "short"
        if limit < 1:
            return Refusal("no_margin", f"{symbol} cannot be traded {word} on margin")
        return Refusal("leverage_limit", f"the leverage is {leverage}; {symbol} {word} allows from 1 to {limit}")

    def loan(
        self, position: Position, side: Side, *, loan_id: str, lots: int, qty: Decimal, cost: Decimal,
        leverage: Decimal, time_ns: int,
    ) -> Loan:  # fmt: skip
        """Return what an opening of ``lots`` (``qty`` base, ``cost`` quote) borrows."""
        is_long = side is Side.BUY
        return Loan(
            loan_id=loan_id,
            lots=lots,
            amount=cost if is_long else qty,
            cost=cost,
            margin=(cost / leverage).quantize(FEE_QUANTUM, ROUND_UP),
            rate_bps=self.rate_bps(position.quote if is_long else position.base),
            opened_ns=time_ns,
        )

    def fee(self, loan: Loan) -> Decimal:
        """Return what the loan costs at one rollover; quote. The opening fee is the same."""
        return (loan.cost * loan.rate_bps / 10_000).quantize(FEE_QUANTUM, ROUND_HALF_UP)

    def next_rollover_ns(self, loan: Loan) -> int:
        """Return when the loan is charged next."""
        return loan.opened_ns + (loan.rollovers + 1) * self.rollover_every_s * NS_PER_S


class MarginEventKind(StrEnum):
    """What happened to an account that owes."""

    CALL = "margin_call"
    RESTORED = "margin_restored"
    LIQUIDATION = "liquidation"
    BANKRUPT = "bankrupt"


class MarginEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of how an account stands with its lender; money in the account's currency."""

    kind: MarginEventKind
    equity: Decimal  # at mid
    used_margin: Decimal
    level_pct: Decimal | None  # None when no margin is used
    symbol: str = ""  # the position that a liquidation closes
    sequence: int
    time_ns: int

    @property
    def sentence(self) -> str:
        """What a person reads."""
        level = "no margin is used" if self.level_pct is None else f"the margin level is {self.level_pct:.1f} %"
        match self.kind:
            case MarginEventKind.CALL:
                return f"margin call: {level}, the equity {self.equity:.2f}"
            case MarginEventKind.RESTORED:
                return f"margin restored: {level}, the equity {self.equity:.2f}"
            case MarginEventKind.LIQUIDATION:
                return f"the exchange closes {self.symbol}: {level}, the equity {self.equity:.2f}"
            case MarginEventKind.BANKRUPT:
                return f"bankrupt: all is closed, and {-self.equity:.2f} more is owed than there is"


@dataclass(frozen=True, slots=True)
class MarginStanding:
    """How an account stands with its lender, at mid: a spread that widens for a moment closes nobody.

    Money in the account's currency.
    """

    equity: Decimal
    used: Decimal  # collateral that loans bind: value at opening over leverage
    value: Decimal  # of what was opened on margin, both directions, now

    @property
    def level_pct(self) -> Decimal | None:
        """Equity in percent of the used margin; None when none is used."""
        return self.equity / self.used * 100 if self.used else None

    def is_called(self, terms: MarginTerms) -> bool:
        """True when the exchange would warn."""
        return self._is_below(terms.call_level_pct) or self.is_stopped(terms)

    def is_stopped(self, terms: MarginTerms) -> bool:
        """True when the exchange closes positions."""
        return self._is_below(terms.stop_level_pct) or self.equity * 100 < self.value * terms.maintenance_pct

    def closing_level_pct(self, terms: MarginTerms) -> Decimal | None:
        """Return the level below which positions are closed at present prices; None when no margin is used."""
        if not self.used:
            return None
        return max(terms.stop_level_pct, self.value * terms.maintenance_pct / self.used)

    def _is_below(self, level_pct: Decimal) -> bool:
        return self.equity * 100 < self.used * level_pct


def binding(positions: Mapping[str, Position]) -> list[Position]:
    """Return the positions with loans."""
    return [position for position in positions.values() if position.loans]
