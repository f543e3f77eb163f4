"""One deployment's money: balances, positions and results, kept by double entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

import msgspec

from trading.book import Side
from trading.fees import FeeSchedule, Liquidity
from trading.fills import Fill
from trading.frames import NS_PER_S
from trading.instruments import Instrument
from trading.orders import Order, Refusal
from trading.snapshot import DataSnapshot
from trading.valuation import liquidation_value, mid_rate

ZERO = Decimal(0)
FEE_QUANTUM = Decimal("1e-10")  # Kraken keeps ten decimals of BTC; finer amounts are rounded half up
_DAY_S = 86_400
VOLUME_DAYS = 30


class InsufficientFunds(ValueError):
    """The account cannot pay for this."""


class Party(StrEnum):
    """Who gains or gives in a ledger entry."""

    ACCOUNT = "account"
    EXCHANGE = "exchange"
    FEES = "fees"
    OWNER = "owner"


class EntryKind(StrEnum):
    """The fact that an entry belongs to."""

    DEPOSIT = "deposit"
    TRADE = "trade"
    FEE = "fee"


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One posting; the postings of one fact sum to zero per currency."""

    entry_id: str
    party: Party
    currency: str
    amount: Decimal  # what the party gains (+) or gives (-)
    kind: EntryKind
    fill_id: str
    sequence: int
    time_ns: int


class Position(msgspec.Struct):
    """What is held through one instrument since it was last flat."""

    symbol: str
    lots: int = 0
    cost: Decimal = ZERO  # quote paid for what is held, fees left out
    entry_fees: Decimal = ZERO  # quote, fees paid for what is held
    opened_ns: int = 0
    bought_lots: int = 0  # of the whole round trip, as are the next four
    bought_cost: Decimal = ZERO
    sold_lots: int = 0
    sold_cost: Decimal = ZERO
    trip_fees: Decimal = ZERO
    trip_result: Decimal = ZERO  # account currency


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """A position from flat to flat; prices are averages."""

    trip_id: str
    symbol: str
    qty: Decimal  # base units
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal  # quote
    result: Decimal  # account currency, fees included
    opened_ns: int
    closed_ns: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Worth:
    """What the account is worth, in its currency."""

    equity: Decimal  # every holding sold into the book, less the taker fee
    mid_equity: Decimal
    exposure: Decimal  # holdings other than the account's currency and the stake's, at mid


class AccountState(msgspec.Struct):
    """All that an account remembers; a checkpoint stores it whole."""

    currency: str
    balances: dict[str, Decimal] = {}
    positions: dict[str, Position] = {}
    stake: Decimal = ZERO  # account currency, what was paid in
    stake_currency: str = ""  # what it was paid in as
    realised: Decimal = ZERO  # account currency, fees included
    fees: Decimal = ZERO  # account currency
    volume_by_day: dict[int, Decimal] = {}  # days since the epoch -> account currency traded
    round_trips: int = 0
    wins: int = 0


class Account:
    """Balances per currency in Decimal; every change is a set of entries that sum to zero."""

    def __init__(self, state: AccountState, schedule: FeeSchedule) -> None:
        self.state = state
        self.schedule = schedule

    @property
    def is_funded(self) -> bool:
        """True once the stake has been paid in."""
        return self.state.stake > 0

    def balance(self, currency: str) -> Decimal:
        """Return what is held of ``currency``."""
        return self.state.balances.get(currency, ZERO)

    def position(self, symbol: str) -> Position:
        """Return the position in ``symbol``, flat if there never was one."""
        return self.state.positions.setdefault(symbol, Position(symbol))

    def fund(self, slug: str, stake: Decimal, currency: str, snapshot: DataSnapshot) -> list[LedgerEntry] | None:
        """Pay in ``stake`` (account currency) as ``currency`` at mid; None while its price is unknown."""
        rate = mid_rate(snapshot, self.state.currency, currency)
        if rate is None:
            return None
        amount = (stake * rate).quantize(FEE_QUANTUM, ROUND_HALF_UP)
        self.state.stake, self.state.stake_currency = stake, currency
        fact = f"{slug}:{snapshot.sequence}:deposit"
        moved = [(Party.ACCOUNT, currency, amount), (Party.OWNER, currency, -amount)]
        return self._post(fact, EntryKind.DEPOSIT, "", snapshot, moved)

    def fee_bps(self, liquidity: Liquidity, time_ns: int) -> Decimal:
        """Return the rate of the tier that thirty days of volume have reached."""
        today = time_ns // NS_PER_S // _DAY_S
        volume = sum((v for day, v in self.state.volume_by_day.items() if day > today - VOLUME_DAYS), ZERO)
        return self.schedule.rate_bps(liquidity, volume)

    def means_refusal(
        self,
        order: Order,
        instrument: Instrument,
        worst_cost: Decimal,
        snapshot: DataSnapshot,
        reserved: Mapping[str, Decimal],
    ) -> Refusal | None:
        """Return why the account cannot afford ``order``, or None.

        ``worst_cost`` is the most that it may cost in quote currency, fees left out;
        ``reserved`` is what other resting orders have spoken for, per currency.
        """
        if order.side is Side.SELL:
            needed, currency = instrument.qty(order.open_lots), instrument.base
        else:
            fee = 1 + self.fee_bps(Liquidity.TAKER, snapshot.time_ns) / 10_000
            needed, currency = worst_cost * fee, instrument.quote
        free = self.balance(currency) - reserved.get(currency, ZERO)
        if needed <= free:
            return None
        return Refusal(
            "insufficient_funds",
            f"{needed.normalize():f} {currency} are needed; {free.normalize():f} are free",
        )

    def execute(
        self,
        order: Order,
        instrument: Instrument,
        *,
        fill_id: str,
        ticks: int,
        lots: int,
        liquidity: Liquidity,
        snapshot: DataSnapshot,
        evidence: Mapping[str, object],
    ) -> tuple[Fill, list[LedgerEntry], RoundTrip | None]:
        """Settle one execution of ``order`` and return it, its postings and the round trip it closed.

        Raises:
            InsufficientFunds: the balances do not cover it; nothing has changed.
        """
        cost = instrument.cost(ticks, lots)
        rate_bps = self.fee_bps(liquidity, snapshot.time_ns)
        fee = (cost * rate_bps / 10_000).quantize(FEE_QUANTUM, ROUND_HALF_UP)
        qty = instrument.qty(lots)
        self._require(order.side, instrument, qty, cost, fee)
        into_account = mid_rate(snapshot, instrument.quote, self.state.currency)
        assert into_account is not None, "the exchange refuses orders whose worth is unknown"
        result, trip = self._book(fill_id, order, instrument, ticks, lots, fee, into_account, snapshot)
        fill = Fill(
            fill_id=fill_id,
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            qty=qty,
            price=instrument.price(ticks),
            cost=cost,
            fee=fee,
            quote=instrument.quote,
            liquidity=liquidity,
            sequence=snapshot.sequence,
            time_ns=snapshot.time_ns,
            result=result,
            reason=order.reason,
            evidence={**evidence, "fee_bps": str(rate_bps), "fee_schedule": self.schedule.name},
        )
        sign = 1 if order.side is Side.BUY else -1
        traded = [
            (Party.ACCOUNT, instrument.base, sign * qty),
            (Party.EXCHANGE, instrument.base, -sign * qty),
            (Party.ACCOUNT, instrument.quote, -sign * cost),
            (Party.EXCHANGE, instrument.quote, sign * cost),
        ]
        entries = self._post(fill_id, EntryKind.TRADE, fill_id, snapshot, traded)
        if fee:
            paid = [(Party.ACCOUNT, instrument.quote, -fee), (Party.FEES, instrument.quote, fee)]
            entries += self._post(f"{fill_id}:fee", EntryKind.FEE, fill_id, snapshot, paid)
        self._count_volume(cost * into_account, fee * into_account, snapshot.time_ns)
        return fill, entries, trip

    def _require(self, side: Side, instrument: Instrument, qty: Decimal, cost: Decimal, fee: Decimal) -> None:
        needed = {instrument.quote: cost + fee} if side is Side.BUY else {instrument.base: qty}
        for currency, amount in needed.items():
            if self.balance(currency) < amount:
                raise InsufficientFunds(
                    f"{amount.normalize():f} {currency} are needed; the account holds "
                    f"{self.balance(currency).normalize():f}"
                )

    def _post(
        self,
        fact: str,
        kind: EntryKind,
        fill_id: str,
        snapshot: DataSnapshot,
        moved: list[tuple[Party, str, Decimal]],
    ) -> list[LedgerEntry]:
        for party, currency, amount in moved:
            if party is Party.ACCOUNT:
                self.state.balances[currency] = self.balance(currency) + amount
        return [
            LedgerEntry(
                entry_id=f"{fact}:{at}",
                party=party,
                currency=currency,
                amount=amount,
                kind=kind,
                fill_id=fill_id,
                sequence=snapshot.sequence,
                time_ns=snapshot.time_ns,
            )
            for at, (party, currency, amount) in enumerate(moved)
        ]

    def _book(
        self,
        fill_id: str,
        order: Order,
        instrument: Instrument,
        ticks: int,
        lots: int,
        fee: Decimal,
        into_account: Decimal,
        snapshot: DataSnapshot,
    ) -> tuple[Decimal | None, RoundTrip | None]:
        """Move the position; return the realised result of a reduction and the round trip it ended."""
        position = self.position(order.symbol)
        cost = instrument.cost(ticks, lots)
        position.trip_fees += fee
        if order.side is Side.BUY:
            if position.lots == 0:
                position.opened_ns = snapshot.time_ns
            position.lots += lots
            position.cost += cost
            position.entry_fees += fee
            position.bought_lots += lots
            position.bought_cost += cost
            return None, None
        held = min(lots, position.lots)  # the rest was paid in, not bought here: it has no cost of ours
        if held == 0:
            position.trip_fees -= fee
            self.state.realised -= fee * into_account
            return -fee * into_account, None
        whole = held == position.lots
        share_cost = position.cost if whole else position.cost * held / position.lots
        share_fees = position.entry_fees if whole else position.entry_fees * held / position.lots
        result = (instrument.cost(ticks, held) - share_cost - share_fees - fee) * into_account
        position.lots -= held
        position.cost -= share_cost
        position.entry_fees -= share_fees
        position.sold_lots += held
        position.sold_cost += instrument.cost(ticks, held)
        position.trip_result += result
        self.state.realised += result
        if position.lots > 0:
            return result, None
        return result, self._close_trip(fill_id, instrument, position, snapshot)

    def _close_trip(
        self, fill_id: str, instrument: Instrument, position: Position, snapshot: DataSnapshot
    ) -> RoundTrip:
        trip = RoundTrip(
            trip_id=f"{fill_id}:trip",
            symbol=position.symbol,
            qty=instrument.qty(position.bought_lots),
            entry_price=position.bought_cost / instrument.qty(position.bought_lots),
            exit_price=position.sold_cost / instrument.qty(position.sold_lots),
            fees=position.trip_fees,
            result=position.trip_result,
            opened_ns=position.opened_ns,
            closed_ns=snapshot.time_ns,
            sequence=snapshot.sequence,
        )
        self.state.round_trips += 1
        self.state.wins += trip.result > 0
        self.state.positions[position.symbol] = Position(position.symbol)
        return trip

    def _count_volume(self, value: Decimal, fee: Decimal, time_ns: int) -> None:
        today = time_ns // NS_PER_S // _DAY_S
        volume = {day: v for day, v in self.state.volume_by_day.items() if day > today - VOLUME_DAYS}
        volume[today] = volume.get(today, ZERO) + value
        self.state.volume_by_day = volume
        self.state.fees += fee

    def worth(self, snapshot: DataSnapshot) -> Worth | None:
        """Return what the account is worth now; None while the price of a holding is unknown."""
        taker_bps = self.fee_bps(Liquidity.TAKER, snapshot.time_ns)
        equity = mid_equity = exposure = ZERO
        for currency, amount in self.state.balances.items():
            if amount == 0:
                continue
            rate = mid_rate(snapshot, currency, self.state.currency)
            value = liquidation_value(snapshot, currency, amount, self.state.currency, taker_bps)
            if rate is None or value is None:
                return None
            equity += value
            mid_equity += amount * rate
            if currency not in (self.state.currency, self.state.stake_currency):
                exposure += amount * rate
        return Worth(equity, mid_equity, exposure)
