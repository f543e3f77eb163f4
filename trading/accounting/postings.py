"""The postings of one execution: what is borrowed, exchanged, charged and paid back, and what it realised."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from trading.accounting.buying_power import BuyingPower
from trading.accounting.ledger import FEE_QUANTUM, ZERO, EntryKind, Ledger, LedgerEntry, Party
from trading.accounting.lending import settle_debt
from trading.accounting.margin import MarginTerms
from trading.accounting.positions import Position, RoundTrip, Tally
from trading.accounting.state import AccountState
from trading.book import Side
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Purpose


@dataclass(slots=True, kw_only=True)
class Postings:
    """What one execution that the account can pay for brings about; money in quote unless said otherwise."""

    state: AccountState
    ledger: Ledger
    buying_power: BuyingPower
    terms: MarginTerms
    order: Order
    instrument: Instrument
    snapshot: MarketSnapshot
    fill_id: str
    ticks: int
    closing: int  # lots that reduce the position
    opening: int  # lots beyond it
    cost: Decimal
    fee: Decimal
    into_account: Decimal  # account currency per quote
    entries: list[LedgerEntry] = field(default_factory=list)

    def post(self) -> tuple[Decimal | None, RoundTrip | None]:
        """Post all of it; return the result in the account's currency, None when nothing was closed, and the trip."""
        order, instrument = self.order, self.instrument
        positions, tallies = self.state.positions, self.state.tallies
        position = positions.get(order.symbol)
        if position is None:
            position = positions[order.symbol] = Position(order.symbol)
        tally = tallies.get(order.symbol)
        if tally is None:
            tally = tallies[order.symbol] = Tally()
        tally.fills += 1
        tally.volume += self.cost
        if self.opening and order.leverage is not None:
            self._borrow()
        self._exchange()
        self._charge("fee", EntryKind.FEE, self.fee, tally)
        lots = self.closing + self.opening
        closing_fee = self.fee
        if self.opening:
            closing_fee = (self.fee * self.closing / lots).quantize(FEE_QUANTUM, ROUND_HALF_UP)
        result, trip = None, None
        if self.closing:
            result, trip = self._close(position, tally, closing_fee)
        if self.opening:
            given = self._open(positions[order.symbol], tally, self.fee - closing_fee)
            if given is not None:
                result = (result or ZERO) + given
        if self.state.loans:
            for currency in (instrument.quote, instrument.base):
                self.entries += settle_debt(
                    self.buying_power,
                    self.ledger,
                    f"{self.fill_id}:debt-{currency}",
                    currency,
                    self.snapshot,
                    self.fill_id,
                )
        return result, trip

    def _borrow(self) -> None:
        instrument, is_long = self.instrument, self.order.side is Side.BUY
        currency = instrument.quote if is_long else instrument.base
        amount = instrument.cost(self.ticks, self.opening) if is_long else instrument.qty(self.opening)
        self.entries += self.ledger.borrow(f"{self.fill_id}:loan", currency, amount, self.snapshot, self.fill_id)

    def _free(self, currency: str) -> Decimal:
        """Return what may be spent without touching what secures the loans of other positions."""
        return self.buying_power.free(currency, self.snapshot, but=self.order.symbol)

    def _exchange(self) -> None:
        order, instrument = self.order, self.instrument
        qty = instrument.qty(self.closing + self.opening)
        sign = 1 if order.side is Side.BUY else -1
        if sign > 0:  # buying a short back is never refused: what is missing is owed
            fact = f"{self.fill_id}:missing"
            self.entries += self.ledger.borrow_missing(
                fact, instrument.quote, self.cost, self._free(instrument.quote), self.snapshot, self.fill_id
            )
        traded = [
            (Party.ACCOUNT, instrument.base, sign * qty),
            (Party.EXCHANGE, instrument.base, -sign * qty),
            (Party.ACCOUNT, instrument.quote, -sign * self.cost),
            (Party.EXCHANGE, instrument.quote, sign * self.cost),
        ]
        self.entries += self.ledger.post(self.fill_id, EntryKind.TRADE, traded, self.snapshot, fill_id=self.fill_id)

    def _charge(self, what: str, kind: EntryKind, fee: Decimal, tally: Tally) -> None:
        fact, quote = f"{self.fill_id}:{what}", self.instrument.quote
        self.entries += self.ledger.pay_fee(
            fact, kind, quote, fee, self._free(quote), self.snapshot, fill_id=self.fill_id
        )
        tally.fees += fee
        tally.paid += fee * self.into_account
        self.state.fees += fee * self.into_account

    def _close(self, position: Position, tally: Tally, fee: Decimal) -> tuple[Decimal, RoundTrip | None]:
        """Reduce the position and pay its loans back."""
        cost = self.instrument.cost(self.ticks, self.closing)
        if self.order.purpose is Purpose.LIQUIDATION:
            extra = (cost * self.terms.liquidation_bps / 10_000).quantize(FEE_QUANTUM, ROUND_HALF_UP)
            self._charge("liquidation", EntryKind.LIQUIDATION_FEE, extra, tally)
            fee += extra
        currency, due = position.borrowed_currency, position.repay(self.closing)
        if due:
            self.entries += self.ledger.repay(
                f"{self.fill_id}:repaid", currency, due, self._free(currency), self.snapshot, self.fill_id
            )
        closed = position.close(self.closing, cost, fee)
        tally.realised += closed.result
        tally.first_in_realised += closed.first_in_result
        result = closed.result * self.into_account
        position.trip_result += result
        tally.result += result
        self.state.realised += result
        return result, self._trip(position, tally) if position.lots == 0 else None

    def _trip(self, position: Position, tally: Tally) -> RoundTrip:
        is_long = self.order.side is Side.SELL
        instrument, snapshot = self.instrument, self.snapshot
        bought, sold = instrument.qty(position.bought_lots), instrument.qty(position.sold_lots)
        buying, selling = position.bought_cost / bought, position.sold_cost / sold
        position.note_excursion(ZERO)  # where it ended counts, too
        trip = RoundTrip(
            trip_id=f"{self.fill_id}:trip",
            symbol=position.symbol,
            qty=bought,
            entry_price=buying if is_long else selling,
            exit_price=selling if is_long else buying,
            fees=position.trip_fees,
            result=position.trip_result,
            opened_ns=position.opened_ns,
            closed_ns=snapshot.time_ns,
            sequence=snapshot.sequence,
            side=Side.BUY if is_long else Side.SELL,
            mae=position.mae,
            mfe=position.mfe,
            exit_code=self.order.code,
        )
        self.state.round_trips += 1
        self.state.wins += trip.result > 0
        tally.count_trip(trip)
        self.state.positions[position.symbol] = Position(position.symbol)
        return trip

    def _open(self, position: Position, tally: Tally, fee: Decimal) -> Decimal | None:
        """Enlarge the position; return the result of what was given away without one."""
        order = self.order
        if order.side is Side.SELL and order.leverage is None:
            # It was paid in, not bought here: it has no cost of ours, and its sale realises the fee alone.
            tally.realised -= fee
            tally.first_in_realised -= fee
            tally.result -= fee * self.into_account
            self.state.realised -= fee * self.into_account
            return -fee * self.into_account
        cost = self.instrument.cost(self.ticks, self.opening)
        if order.leverage is not None:
            limit = max(self.terms.limit(order.symbol, order.side), Decimal(1))
            loan = self.terms.loan(
                position,
                order.side,
                loan_id=self.fill_id,
                lots=self.opening,
                qty=self.instrument.qty(self.opening),
                cost=cost,
                leverage=min(order.leverage, limit),
                time_ns=self.snapshot.time_ns,
            )
            interest = self.terms.fee(loan)
            self._charge("opening", EntryKind.OPENING_FEE, interest, tally)
            tally.interest += interest * self.into_account
            self.state.interest += interest * self.into_account
            position.borrow(loan)
            fee += interest
        position.open(order.side, self.opening, cost, fee, self.snapshot.time_ns)
        return None
