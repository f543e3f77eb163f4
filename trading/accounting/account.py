"""One deployment's money: balances, loans, positions and results, kept by double entry."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from trading.accounting.buying_power import BuyingPower
from trading.accounting.ledger import FEE_QUANTUM, ZERO, EntryKind, InsufficientFunds, Ledger, LedgerEntry, Party
from trading.accounting.lending import charge_rollovers, settle_debt
from trading.accounting.margin import MarginTerms, binding
from trading.accounting.positions import Layer, Position, RoundTrip, Tally
from trading.accounting.state import AccountState, InstrumentFigures, Payment, Worth
from trading.accounting.valuation import buyback_cost, liquidation_value, mid_rate
from trading.fees import TIER_CURRENCY, FeePlan, Liquidity
from trading.frames import NS_PER_S
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Refusal
from trading.recount import Recount

__all__ = ["Account", "AccountState", "InsufficientFunds", "LedgerEntry", "Party", "Position", "RoundTrip", "Worth"]

_DAY_S = 86_400
VOLUME_DAYS = 30


class Account:
    """Balances and loans per currency in Decimal; every change is a set of entries that sum to zero."""

    def __init__(self, state: AccountState, plan: FeePlan, terms: MarginTerms | None = None) -> None:
        self.state = state
        self.plan = plan
        self.terms = terms or MarginTerms()
        self.is_funded = bool(state.payments) or state.stake > 0  # from the first payment on
        self.buying_power = BuyingPower(state, self.terms)
        self.ledger = Ledger(state.balances, state.loans)
        self._volume: tuple[int, Decimal] = (-1, ZERO)  # day, and the sum of the thirty that end with it
        for position in state.positions.values():
            if position.lots and not position.layers:  # a checkpoint from before there were layers
                position.layers = [Layer(position.lots, position.cost, position.entry_fees, position.opened_ns)]

    def balance(self, currency: str) -> Decimal:
        """Return what is held of ``currency``."""
        return self.state.balances.get(currency, ZERO)

    def loan(self, currency: str) -> Decimal:
        """Return what is owed of ``currency``."""
        return self.state.loans.get(currency, ZERO)

    def position(self, symbol: str) -> Position:
        """Return the position in ``symbol``, flat if there never was one."""
        return self.state.positions.get(symbol) or Position(symbol)

    def tally(self, symbol: str) -> Tally:
        """Return what was done through ``symbol``, nothing if nothing was."""
        return self.state.tallies.get(symbol) or Tally()

    def funds_refusal(
        self,
        order: Order,
        instrument: Instrument,
        worst_cost: Decimal,
        snapshot: MarketSnapshot,
        reserved: Mapping[str, Decimal],
    ) -> Refusal | None:
        """Return why the account cannot afford the order, or None.

        ``worst_cost`` is what all of it would cost at worst, in quote, fees left out;
        ``reserved`` what other resting orders have spoken for, per currency.
        """
        taker = self.fee_bps(Liquidity.TAKER, snapshot.time_ns) / 10_000
        return self.buying_power.refusal(order, instrument, worst_cost, taker, snapshot, reserved)

    # Paying in and out

    def fund(
        self,
        slug: str,
        stake: Decimal,
        currency: str,
        snapshot: MarketSnapshot,
        assets: Mapping[str, Decimal] | None = None,
    ) -> list[LedgerEntry] | None:
        """Pay in ``stake`` (account currency) as ``currency`` at mid, and amounts of other ``assets``.

        None, and nothing is done, while the price of one of them is unknown.
        """
        paid: dict[str, Decimal] = {}
        value = ZERO
        rate = mid_rate(snapshot, self.state.currency, currency)
        if rate is None:
            return None
        paid[currency] = (stake * rate).quantize(FEE_QUANTUM, ROUND_HALF_UP)
        for asset, amount in (assets or {}).items():
            worth = mid_rate(snapshot, asset, self.state.currency)
            if worth is None:
                return None
            paid[asset] = paid.get(asset, ZERO) + amount
            value += amount * worth
        self.state.stake_currency = currency
        self._paid(stake + value, snapshot)
        moved = [
            posting
            for asset, amount in paid.items()
            if amount
            for posting in ((Party.ACCOUNT, asset, amount), (Party.OWNER, asset, -amount))
        ]
        return self.ledger.post(f"{slug}:{snapshot.sequence}:deposit", EntryKind.DEPOSIT, moved, snapshot)

    def deposit(self, fact: str, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> list[LedgerEntry]:
        """Take in what the owner pays; it is no profit. ``fact`` is an id that no other payment has.

        Debts in that currency which no position secures are paid back with it.

        Raises:
            ValueError: not an amount above zero, or its worth is not known.
        """
        value = self._value(currency, amount, snapshot)
        self._paid(value, snapshot)
        moved = [(Party.ACCOUNT, currency, amount), (Party.OWNER, currency, -amount)]
        entries = self.ledger.post(fact, EntryKind.DEPOSIT, moved, snapshot)
        entries += settle_debt(self.buying_power, self.ledger, f"{fact}:debt", currency, snapshot)
        equity = self.buying_power.mid_equity(snapshot)
        if equity is not None and equity >= 0:
            self.state.bankrupt_ns = 0
        return entries

    def withdraw(self, fact: str, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> list[LedgerEntry]:
        """Give out what the owner takes; it is no loss. ``fact`` is an id that no other payment has.

        Raises:
            InsufficientFunds: that much is not there, or it secures a loan.
            ValueError: not an amount above zero, or its worth is not known.
        """
        value = self._value(currency, amount, snapshot)
        self.buying_power.require_withdrawal(currency, amount, value, snapshot)
        self._paid(-value, snapshot)
        moved = [(Party.ACCOUNT, currency, -amount), (Party.OWNER, currency, amount)]
        return self.ledger.post(fact, EntryKind.WITHDRAWAL, moved, snapshot)

    def _value(self, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> Decimal:
        rate = mid_rate(snapshot, currency, self.state.currency)
        if rate is None:
            raise ValueError(f"what a {currency} is worth in {self.state.currency} is not known yet")
        if not (amount.is_finite() and amount > 0):
            raise ValueError(f"the amount is {amount} {currency}; expected a number above zero")
        return amount * rate

    def _paid(self, value: Decimal, snapshot: MarketSnapshot) -> None:
        self.is_funded = True
        self.state.payments.append(Payment(snapshot.time_ns, value))
        self.state.stake += value

    # Trading

    def fee_bps(self, liquidity: Liquidity, time_ns: int) -> Decimal:
        """Return the rate that is in force, in the tier that thirty days of volume have reached."""
        today = time_ns // NS_PER_S // _DAY_S
        if self._volume[0] != today:
            days = self.state.volume_by_day.items()
            self._volume = (today, sum((v for day, v in days if day > today - VOLUME_DAYS), ZERO))
        return self.plan.at(time_ns).rate_bps(liquidity, self._volume[1])

    def fee_evidence(self, rate_bps: Decimal, time_ns: int) -> dict[str, str]:
        """Return the schedule, the volume that was counted, and the rate that they give."""
        schedule = self.plan.at(time_ns).name
        return {"fee_bps": str(rate_bps), "fee_schedule": schedule, "volume": str(self._volume[1])}

    def count_volume(self, quote: str, cost: Decimal, snapshot: MarketSnapshot) -> None:
        """Count towards the tier; what cannot be priced in its currency earns no discount."""
        rate = mid_rate(snapshot, quote, TIER_CURRENCY)
        if rate is None:
            return
        today = snapshot.time_ns // NS_PER_S // _DAY_S
        volumes = self.state.volume_by_day
        if today not in volumes:
            for day in [day for day in volumes if day <= today - VOLUME_DAYS]:
                del volumes[day]
        volumes[today] = volumes.get(today, ZERO) + cost * rate
        self._volume = (-1, ZERO)

    def charge_rollovers(self, snapshot: MarketSnapshot) -> list[LedgerEntry]:
        """Charge what lending has cost up to now; a position whose quote has no price yet is charged later."""
        entries: list[LedgerEntry] = []
        for position in binding(self.state.positions):
            rate = mid_rate(snapshot, position.quote, self.state.currency)
            if rate is not None:
                entries += charge_rollovers(
                    self.state, self.ledger, self.buying_power, self.terms, position, rate, snapshot
                )
        return entries

    def recount(self, change: Recount) -> None:
        """Count a position in the decimals that its instrument has now; what is below one lot of them is none."""
        position = self.state.positions.get(change.symbol)
        if position is not None:
            position.recount(change)
            if not position.lots:
                self.state.positions[change.symbol] = Position(change.symbol)

    # Worth

    def worth(self, snapshot: MarketSnapshot) -> Worth | None:
        """Return what the account is worth now; None while the price of a holding or a debt is unknown."""
        target, balances, loans = self.state.currency, self.state.balances, self.state.loans
        equity = mid_equity = exposure = owed = ZERO
        for currency in {**balances, **loans} if loans else balances:
            amount, loan = balances.get(currency, ZERO), loans.get(currency, ZERO)
            if loan:
                amount -= loan
            if currency == target:
                equity, mid_equity, owed = equity + amount, mid_equity + amount, owed + loan
                continue
            if not (amount or loan):
                continue
            taker_bps = self.fee_bps(Liquidity.TAKER, snapshot.time_ns)
            rate = mid_rate(snapshot, currency, target)
            if amount >= 0:
                value = liquidation_value(snapshot, currency, amount, target, taker_bps)
            else:
                value = buyback_cost(snapshot, currency, -amount, target, taker_bps)
            if rate is None or value is None:
                return None
            mid_value = amount * rate
            equity += value if amount >= 0 else -value
            mid_equity += mid_value
            if loan:
                owed += loan * rate
            if currency != self.state.stake_currency:
                exposure += abs(mid_value)
        return Worth(equity, mid_equity, exposure, owed)

    def note_excursions(self, snapshot: MarketSnapshot) -> None:
        """Note how far the open round trips stand from where they began, at mid; where there is none, nothing."""
        for position in self.state.positions.values():
            if position.lots and (top := snapshot.top_or_none(position.symbol)) is not None and top.bids and top.asks:
                twice = snapshot.instrument(position.symbol).cost(top.bids[0].ticks + top.asks[0].ticks, position.lots)
                position.note_excursion(twice / 2)

    def figures_of(self, symbol: str, snapshot: MarketSnapshot) -> InstrumentFigures | None:
        """Return how the account has done through one instrument; None while its worth is unknown."""
        position = self.position(symbol)
        base_rate = mid_rate(snapshot, position.base, self.state.currency)
        quote_rate = mid_rate(snapshot, position.quote, self.state.currency)
        if base_rate is None or quote_rate is None:
            return None
        value = snapshot.instrument(symbol).qty(position.lots) * base_rate
        paid = (position.cost if position.lots >= 0 else -position.cost) + position.entry_fees
        return InstrumentFigures(self.tally(symbol), value - paid * quote_rate, value)
