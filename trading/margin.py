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

import msgspec

from trading.book import Side
from trading.frames import NS_PER_S
from trading.ledger import FEE_QUANTUM, ZERO
from trading.orders import Refusal
from trading.positions import Loan, Position

# Per cent of a hundredth: 2.5 is 0.025 %. Kraken's own example, February 2026, and its lowest for Bitcoin.
_LENDING_BPS = {"USD": Decimal("2.5"), "BTC": Decimal(1)}


class LeverageLimits(msgspec.Struct, frozen=True):
    """Exposure per unit of equity at most; zero where there is no margin."""

    long: Decimal = Decimal("1.5")
    short: Decimal = Decimal(2)

    def of(self, side: Side) -> Decimal:
        """Return the limit of a position entered by an order of ``side``."""
        return self.long if side is Side.BUY else self.short


class MarginTerms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms the exchange lends.

    Raises:
        ValueError: a rate below zero, or a position at full leverage would be closed as soon as it is open.
    """

    limits: LeverageLimits = LeverageLimits()
    limits_by_symbol: dict[str, LeverageLimits] = {}
    call_level_pct: Decimal = Decimal(80)  # equity in percent of the used margin at which margin is called
    stop_level_pct: Decimal = Decimal(40)  # and at which the exchange closes positions
    maintenance_pct: Decimal = Decimal(25)  # equity in percent of the borrowed positions' value: the same
    # by currency lent, of the value lent: at opening, and again at each rollover
    lending_bps: dict[str, Decimal] = msgspec.field(default_factory=_LENDING_BPS.copy)
    other_lending_bps: Decimal = Decimal(2)  # of currencies not listed
    rollover_every_s: int = 4 * 3_600  # of market time, from the opening on
    liquidation_bps: Decimal = ZERO  # of the value closed, beside the taker fee; Kraken publishes none

    def __post_init__(self) -> None:
        rates = [self.other_lending_bps, self.liquidation_bps, *self.lending_bps.values()]
        if min(rates) < 0 or self.rollover_every_s <= 0:
            raise ValueError(f"margin terms are {self}; expected rates of zero or more and a time above zero")
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
    """What befell an account that owes."""

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

    def _is_below(self, level_pct: Decimal) -> bool:
        return self.equity * 100 < self.used * level_pct


def binding(positions: Mapping[str, Position]) -> list[Position]:
    """Return the positions with loans."""
    return [position for position in positions.values() if position.loans]
