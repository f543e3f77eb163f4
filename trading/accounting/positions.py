"""Positions: what is open through one instrument, what it cost, and what closing it brought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate

import msgspec

from trading.accounting.ledger import FEE_QUANTUM, ZERO
from trading.book import Side
from trading.orders import Order
from trading.recount import Recount

MAX_LAYERS = 1_000  # a position remembers so many openings apart; older ones run together


class Layer(msgspec.Struct, array_like=True):
    """What one frame opened, as far as it is still open when the first in is the first out."""

    lots: int
    cost: Decimal  # quote
    fees: Decimal  # quote
    opened_ns: int


class Loan(msgspec.Struct):
    """What one frame borrowed, as far as it is still owed; a reduction pays back the oldest loan first."""

    loan_id: str  # the fill that took it up
    lots: int  # of the position, opened with it
    amount: Decimal  # of the currency borrowed
    cost: Decimal  # quote, what the lots were worth then: margin and rollover are reckoned on it
    margin: Decimal  # quote, the collateral it binds: cost over leverage
    rate_bps: Decimal  # of the cost, at each rollover; locked when it was taken up
    opened_ns: int
    rollovers: int = 0  # charged so far


class Position(msgspec.Struct):
    """What is held (+) or owed (-) through one instrument since it was last flat.

    ``bought`` and ``sold`` count the whole round trip: a long is bought first, a short sold first.
    """

    symbol: str
    lots: int = 0  # base, signed: below zero is short
    cost: Decimal = ZERO  # quote paid for a long, got for a short, as far as it is open; fees left out
    entry_fees: Decimal = ZERO  # quote, paid for what is open: trading, opening and rollover fees
    opened_ns: int = 0
    bought_lots: int = 0
    bought_cost: Decimal = ZERO
    sold_lots: int = 0
    sold_cost: Decimal = ZERO
    trip_fees: Decimal = ZERO  # quote, of the whole round trip
    trip_result: Decimal = ZERO  # account currency
    # Adverse and favourable excursion: what the round trip had lost at its worst and gained at its best, as if it had
    # ended so; quote, at the mids of the marks, fees left out. None: it was opened before that was watched.
    mae: Decimal | None = None  # never above zero
    mfe: Decimal | None = None  # never below
    layers: list[Layer] = []
    loans: list[Loan] = []

    @property
    def base(self) -> str:
        """The currency that a short owes."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency that a leveraged long owes."""
        return self.symbol.partition("/")[2]

    @property
    def borrowed_currency(self) -> str:
        """What its loans are in."""
        return self.quote if self.lots > 0 else self.base

    @property
    def borrowed_lots(self) -> int:
        """The part of it that was opened on margin; never below zero."""
        return sum(loan.lots for loan in self.loans)

    @property
    def borrowed(self) -> Decimal:
        """What its loans amount to."""
        return sum((loan.amount for loan in self.loans), ZERO)

    @property
    def margin(self) -> Decimal:
        """The collateral that its loans bind; quote."""
        return sum((loan.margin for loan in self.loans), ZERO)

    def closing_lots(self, side: Side, lots: int) -> int:
        """Return how many of ``lots`` an order of ``side`` would close; the rest would open."""
        if side is Side.BUY:
            return min(lots, -self.lots) if self.lots < 0 else 0
        return min(lots, self.lots) if self.lots > 0 else 0

    def is_opened_by(self, order: Order) -> bool:
        """True when some of the order would enlarge the position or open another; a spot sale opens nothing."""
        if order.side is Side.SELL and order.leverage is None:
            return False
        return self.closing_lots(order.side, order.lots) < order.lots

    def open(self, side: Side, lots: int, cost: Decimal, fees: Decimal, time_ns: int) -> None:
        """Add ``lots`` in the direction of ``side``; what one frame opens is one layer."""
        if self.lots == 0:
            self.opened_ns = time_ns
            self.mae = self.mfe = ZERO
        self.cost += cost
        self.entry_fees += fees
        self.trip_fees += fees
        if side is Side.BUY:
            self.lots += lots
            self.bought_lots += lots
            self.bought_cost += cost
        else:
            self.lots -= lots
            self.sold_lots += lots
            self.sold_cost += cost
        last = self.layers[-1] if self.layers else None
        if last is not None and last.opened_ns == time_ns:
            last.lots, last.cost, last.fees = last.lots + lots, last.cost + cost, last.fees + fees
            return
        self.layers.append(Layer(lots, cost, fees, time_ns))
        if len(self.layers) > MAX_LAYERS:
            first, second = self.layers[:2]
            self.layers[:2] = [
                Layer(first.lots + second.lots, first.cost + second.cost, first.fees + second.fees, first.opened_ns)
            ]

    def borrow(self, loan: Loan) -> None:
        """Owe ``loan``; what one frame borrows on the same terms is one loan."""
        last = self.loans[-1] if self.loans else None
        if last is not None and (last.opened_ns, last.rate_bps) == (loan.opened_ns, loan.rate_bps):
            last.lots, last.amount = last.lots + loan.lots, last.amount + loan.amount
            last.cost, last.margin = last.cost + loan.cost, last.margin + loan.margin
        else:
            self.loans.append(loan)

    def note_excursion(self, value: Decimal) -> None:
        """Take in what is open is worth now: ``value``, quote at mid, signed as ``lots``.

        The round trip stands where it would end if it ended so: a part that was closed
        counts with what it brought.
        """
        if self.mae is None or self.mfe is None:
            return
        gained = self.sold_cost - self.bought_cost + value
        if gained < self.mae:
            self.mae = gained
        elif gained > self.mfe:
            self.mfe = gained

    def charge(self, fee: Decimal) -> None:
        """Count a fee for holding what is open; by first in, first out it falls to what closes next."""
        self.entry_fees += fee
        self.trip_fees += fee
        self.layers[0].fees += fee

    def close(self, lots: int, cost: Decimal, fee: Decimal) -> Closing:
        """Take ``lots`` off and return what that realises.

        Shares of what is left are cut to the unit of ``cost``, so that what is realised
        and what is left always add up to what was paid.
        """
        whole = lots == abs(self.lots)
        share = self.cost if whole else (self.cost * lots / abs(self.lots)).quantize(cost, ROUND_HALF_UP)
        fees = self.entry_fees if whole else _share(self.entry_fees, lots, abs(self.lots))
        first_cost, first_fees = self._take_layers(lots, cost)
        direction = 1 if self.lots > 0 else -1
        self.lots -= direction * lots
        self.cost -= share
        self.entry_fees -= fees
        self.trip_fees += fee
        if direction > 0:
            self.sold_lots += lots
            self.sold_cost += cost
        else:
            self.bought_lots += lots
            self.bought_cost += cost
        return Closing(
            result=direction * (cost - share) - fees - fee,
            first_in_result=direction * (cost - first_cost) - first_fees - fee,
        )

    def _take_layers(self, lots: int, unit: Decimal) -> tuple[Decimal, Decimal]:
        cost = fees = ZERO
        while lots:
            first = self.layers[0]
            if first.lots <= lots:
                lots -= first.lots
                cost, fees = cost + first.cost, fees + first.fees
                del self.layers[0]
                continue
            part_cost = (first.cost * lots / first.lots).quantize(unit, ROUND_HALF_UP)
            part_fees = _share(first.fees, lots, first.lots)
            cost, fees = cost + part_cost, fees + part_fees
            first.cost, first.fees, first.lots = first.cost - part_cost, first.fees - part_fees, first.lots - lots
            lots = 0
        return cost, fees

    def recount(self, change: Recount) -> None:
        """Count it in other lots, at the same average prices; balances and debts are not touched.

        What a long holds below one new lot leaves it at what it cost: it stays in the balance, where no order can
        sell it. A short is counted up to the lot that buys all of the debt back; the surplus stays in the balance.
        """
        if not self.lots:
            return
        is_long, open_ = self.lots > 0, abs(self.lots)
        closed = min(self.bought_lots, self.sold_lots)
        part = change.lots_within if is_long else change.lots_around
        new, new_closed = part(open_), change.lots_within(closed)
        share, closed_share = change.old_lots(new) / open_, change.old_lots(new_closed) / closed if closed else ZERO
        bought, sold = self.bought_cost, self.sold_cost
        opened, ended = (bought, sold) if is_long else (sold, bought)
        opened = _at_share(self.cost, share) + _at_share(opened - self.cost, closed_share)
        ended = _at_share(ended, closed_share)
        self.bought_cost, self.sold_cost = (opened, ended) if is_long else (ended, opened)
        self.bought_lots, self.sold_lots = (new_closed + new, new_closed) if is_long else (new_closed, new_closed + new)
        self.lots, self.cost = new if is_long else -new, _at_share(self.cost, share)
        self._recount_layers(part, share)
        self._recount_loans(part)

    def _recount_layers(self, part: Callable[[int], int], share: Decimal) -> None:
        counted = _parts([layer.lots for layer in self.layers], part)
        layers: list[Layer] = []
        for layer, lots in zip(self.layers, counted, strict=True):
            layer.lots, layer.cost = lots, _at_share(layer.cost, share)
            if layers and not (lots and layers[-1].lots):
                last = layers[-1]
                last.lots, last.cost, last.fees = last.lots + lots, last.cost + layer.cost, last.fees + layer.fees
            else:
                layers.append(layer)
        if layers:  # both ways of reckoning, average and first in, go on from the same cost
            layers[-1].cost += self.cost - sum((layer.cost for layer in layers), ZERO)
        self.layers = layers

    def _recount_loans(self, part: Callable[[int], int]) -> None:
        counted = _parts([loan.lots for loan in self.loans], part)
        loans: list[Loan] = []
        for loan, lots in zip(self.loans, counted, strict=True):
            loan.lots = lots
            if loans and not (lots and loans[-1].lots):
                last = loans[-1]
                last.lots, last.amount = last.lots + lots, last.amount + loan.amount
                last.cost, last.margin = last.cost + loan.cost, last.margin + loan.margin
            else:
                loans.append(loan)
        self.loans = loans

    def repay(self, lots: int) -> Decimal:
        """Take the loans of ``lots`` off, oldest first, and return what is to be paid back for them."""
        due = ZERO
        while lots and self.loans:
            first = self.loans[0]
            if first.lots <= lots:
                lots -= first.lots
                due += first.amount
                del self.loans[0]
                continue
            parts = [_exact_share(n, lots, first.lots) for n in (first.amount, first.cost, first.margin)]
            due += parts[0]
            first.amount, first.cost = first.amount - parts[0], first.cost - parts[1]
            first.margin, first.lots = first.margin - parts[2], first.lots - lots
            lots = 0
        return due


@dataclass(frozen=True, slots=True)
class Closing:
    """What a reduction realised, fees of both ends included; quote."""

    result: Decimal  # against the average cost of what was open
    first_in_result: Decimal  # against the oldest of it


def _share(fees: Decimal, lots: int, of: int) -> Decimal:
    return (fees * lots / of).quantize(FEE_QUANTUM, ROUND_HALF_UP)


def _at_share(amount: Decimal, share: Decimal) -> Decimal:
    return amount if share == 1 else (amount * share).quantize(amount, ROUND_HALF_UP)


def _parts(lots: list[int], part: Callable[[int], int]) -> list[int]:
    """Return each of several quantities in other lots, so that together they are what all of it is."""
    ends = [part(end) for end in accumulate(lots)]
    return [end - before for before, end in zip([0, *ends], ends, strict=False)]


def _exact_share(amount: Decimal, lots: int, of: int) -> Decimal:
    """Return the share at the amount's own precision; a loan in base comes out exact."""
    return (amount * lots / of).quantize(amount, ROUND_HALF_UP)


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """A position from flat to flat; prices are averages."""

    trip_id: str
    symbol: str
    qty: Decimal  # base units
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal  # quote, of every kind
    result: Decimal  # account currency, fees included
    opened_ns: int
    closed_ns: int
    sequence: int
    side: Side = Side.BUY  # that of the entry: a short is sold first
    mae: Decimal | None = None  # adverse excursion, quote; as in a position, and at its end
    mfe: Decimal | None = None  # favourable excursion, likewise
    exit_code: str = ""  # of the order that closed the last of it

    @property
    def entry_cost(self) -> Decimal:
        """What was entered in all, quote, fees left out."""
        return self.entry_price * self.qty


class Tally(msgspec.Struct):
    """What an account has done through one instrument since the beginning."""

    fills: int = 0
    volume: Decimal = ZERO  # quote
    fees: Decimal = ZERO  # quote, of every kind
    paid: Decimal = ZERO  # account currency: `fees`, each at the rate of its moment
    interest: Decimal = ZERO  # account currency, the part of `paid` that lending cost
    realised: Decimal = ZERO  # quote, against average cost, fees included
    first_in_realised: Decimal = ZERO  # quote, the first in taken as the first out; equal when flat
    result: Decimal = ZERO  # account currency: `realised`, each at the rate of its moment
    round_trips: int = 0
    wins: int = 0  # round trips with a result above zero
    won: Decimal = ZERO  # account currency, results of the round trips above zero
    lost: Decimal = ZERO  # account currency, of those below; never negative

    def count_trip(self, trip: RoundTrip) -> None:
        """Count a finished round trip."""
        self.round_trips += 1
        self.wins += trip.result > 0
        self.won += max(trip.result, ZERO)
        self.lost -= min(trip.result, ZERO)
