"""What an account can afford: its own money, and what it may still borrow."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from trading.accounting.ledger import ZERO, InsufficientFunds
from trading.accounting.margin import MarginStanding, MarginTerms, binding
from trading.accounting.positions import Position
from trading.accounting.state import AccountState
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, Refusal

_ONE = Decimal(1)


class BuyingPower:
    """Reads one account's state; changes nothing."""

    def __init__(self, state: AccountState, terms: MarginTerms) -> None:
        self._state = state
        self._terms = terms

    # Standing

    def mid_equity(self, snapshot: MarketSnapshot) -> Decimal | None:
        """Return all that is held less all that is owed, at mid; None while a price is unknown."""
        equity = ZERO
        for amounts, sign in ((self._state.balances, 1), (self._state.loans, -1)):
            for currency, amount in amounts.items():
                rate = mid_rate(snapshot, currency, self._state.currency) if amount else _ONE
                if rate is None:
                    return None
                equity += sign * amount * rate
        return equity

    def standing(self, snapshot: MarketSnapshot) -> MarginStanding | None:
        """Return how the account stands with its lender; None while a price is unknown."""
        equity = self.mid_equity(snapshot)
        used = value = ZERO
        for position in binding(self._state.positions):
            quote_rate = mid_rate(snapshot, position.quote, self._state.currency)
            base_rate = mid_rate(snapshot, position.base, self._state.currency)
            if quote_rate is None or base_rate is None:
                return None
            used += position.margin * quote_rate
            value += snapshot.instrument(position.symbol).qty(position.borrowed_lots) * base_rate
        return None if equity is None else MarginStanding(equity, used, value)

    def bound(self, snapshot: MarketSnapshot, *, but: str = "") -> Decimal | None:
        """Return the equity that all positions but one bind before another may be opened.

        Each its value over its leverage limit, spot holdings included, and no less than
        the margin of its loans: so the whole account stays within the limits, however
        many orders it took. None while a price is unknown.
        """
        total = ZERO
        for position in self._state.positions.values():
            if position.lots == 0 or position.symbol == but:
                continue
            quote_rate = mid_rate(snapshot, position.quote, self._state.currency)
            base_rate = mid_rate(snapshot, position.base, self._state.currency)
            if quote_rate is None or base_rate is None:
                return None
            side = Side.BUY if position.lots > 0 else Side.SELL
            value = snapshot.instrument(position.symbol).qty(abs(position.lots)) * base_rate
            total += max(position.margin * quote_rate, value / self._limit(position.symbol, side))
        return total

    def _limit(self, symbol: str, side: Side) -> Decimal:
        return max(self._terms.limit(symbol, side), _ONE)

    def tied(self, currency: str, snapshot: MarketSnapshot, *, but: str = "") -> Decimal:
        """Return what is held of ``currency`` but secures a loan: the proceeds of shorts, what was bought on margin."""
        proceeds = sum(
            (
                position.cost
                for position in binding(self._state.positions)
                if position.lots < 0 and position.quote == currency and position.symbol != but
            ),
            ZERO,
        )
        return proceeds + self.bought_on_margin(currency, snapshot, but=but)

    def bought_on_margin(self, currency: str, snapshot: MarketSnapshot, *, but: str = "") -> Decimal:
        """Return what is held of ``currency`` as the base of leveraged longs."""
        return sum(
            (
                snapshot.instrument(position.symbol).qty(position.borrowed_lots)
                for position in binding(self._state.positions)
                if position.lots > 0 and position.base == currency and position.symbol != but
            ),
            ZERO,
        )

    def closable_lots(self, position: Position, snapshot: MarketSnapshot) -> int:
        """Return what there is to close; what a long holds may have been sold through another instrument."""
        if position.lots <= 0:
            return -position.lots
        instrument = snapshot.instrument(position.symbol)
        others = self.bought_on_margin(position.base, snapshot, but=position.symbol)
        held = max(self._state.balances.get(position.base, ZERO) - others, ZERO)
        return min(position.lots, int(held.scaleb(instrument.qty_decimals)))

    def debt(self, currency: str) -> Decimal:
        """Return what is owed of ``currency`` beside the loans of open positions."""
        owed = self._state.loans.get(currency, ZERO)
        if owed:
            positions = binding(self._state.positions)
            owed -= sum((p.borrowed for p in positions if p.borrowed_currency == currency), ZERO)
        return owed

    def free(self, currency: str, snapshot: MarketSnapshot, *, but: str = "") -> Decimal:
        """Return what of ``currency`` may be spent or given away; never below zero."""
        held = self._state.balances.get(currency, ZERO)
        return max(held - self.tied(currency, snapshot, but=but), ZERO) if self._state.loans else held

    # Before an order is taken

    def refusal(
        self,
        order: Order,
        instrument: Instrument,
        worst_cost: Decimal,
        taker: Decimal,
        snapshot: MarketSnapshot,
        reserved: Mapping[str, Decimal],
    ) -> Refusal | None:
        """Return why the account cannot afford an order, or None; ``taker`` is the fee as a share of the cost."""
        position = self._state.positions.get(order.symbol) or Position(order.symbol)
        closing = position.closing_lots(order.side, order.lots)
        opening = order.lots - closing
        if order.side is Side.SELL and order.leverage is None:
            tied = self.tied if opening else self.bought_on_margin
            held = self._state.balances.get(instrument.base, ZERO)
            free = max(held - tied(instrument.base, snapshot, but=order.symbol), ZERO)
            free -= reserved.get(instrument.base, ZERO)
            return _missing(instrument.qty(order.lots), free, instrument.base)
        if opening == 0:
            return None  # what a short costs more than it brought is owed
        if self._state.bankrupt_ns:
            return Refusal("bankrupt", "the account owes more than it has")
        cost = worst_cost * opening / order.lots
        if order.leverage is None:
            but = order.symbol if closing else ""
            free = self.free(instrument.quote, snapshot, but=but) - (worst_cost - cost)
            return _missing(cost + worst_cost * taker, free - reserved.get(instrument.quote, ZERO), instrument.quote)
        refusal = self._terms.refusal(order.symbol, order.side, order.leverage)
        return refusal or self._margin_refusal(order, instrument, cost, taker, closing, snapshot, reserved)

    def _margin_refusal(
        self,
        order: Order,
        instrument: Instrument,
        cost: Decimal,
        taker: Decimal,
        closing: int,
        snapshot: MarketSnapshot,
        reserved: Mapping[str, Decimal],
    ) -> Refusal | None:
        assert order.leverage is not None, "spot orders are paid for"
        equity = self.mid_equity(snapshot)
        bound = self.bound(snapshot, but=order.symbol if closing else "")
        rate = mid_rate(snapshot, instrument.quote, self._state.currency)
        if equity is None or bound is None or rate is None:
            return Refusal("no_valuation", f"what the account is worth in {self._state.currency} is not known")
        free = (equity - bound) / rate - reserved.get(instrument.quote, ZERO)
        lent = instrument.quote if order.side is Side.BUY else instrument.base
        needed = cost * (1 / order.leverage + taker + self._terms.rate_bps(lent) / 10_000)
        if needed <= free:
            return None
        return Refusal(
            "insufficient_margin",
            f"{needed:.2f} {instrument.quote} of collateral are needed; {max(free, ZERO):.2f} are free",
        )

    # When it fills

    def require(
        self,
        order: Order,
        instrument: Instrument,
        ticks: int,
        closing: int,
        opening: int,
        fee: Decimal,
        snapshot: MarketSnapshot,
    ) -> None:
        """Check that an execution of ``closing`` plus ``opening`` lots can be settled.

        Raises:
            InsufficientFunds: it names what is needed and what there is.
        """
        if order.side is Side.SELL:
            self._require_base(order, instrument, closing, opening, snapshot)
            if order.leverage is None:
                return
        elif order.leverage is None and opening:
            but = order.symbol if closing else ""
            free = self.free(instrument.quote, snapshot, but=but) - instrument.cost(ticks, closing)
            _require(instrument.cost(ticks, opening) + fee, free, instrument.quote)
        if opening and (order.leverage is not None or self._state.loans):
            self._require_margin(order, instrument, ticks, closing, opening, fee, snapshot)

    def _require_base(
        self, order: Order, instrument: Instrument, closing: int, opening: int, snapshot: MarketSnapshot
    ) -> None:
        base = instrument.base
        if closing:  # the proceeds of shorts stand in no long's way
            held = self._state.balances.get(base, ZERO)
            others = self.bought_on_margin(base, snapshot, but=order.symbol) if self._state.loans else ZERO
            _require(instrument.qty(closing), held - others, base)
        if opening and order.leverage is None:
            free = self.free(base, snapshot, but=order.symbol if closing else "")
            _require(instrument.qty(closing + opening), free, base)

    def _require_margin(
        self,
        order: Order,
        instrument: Instrument,
        ticks: int,
        closing: int,
        opening: int,
        fee: Decimal,
        snapshot: MarketSnapshot,
    ) -> None:
        if self._state.bankrupt_ns:
            raise InsufficientFunds("the account owes more than it has")
        currency = self._state.currency
        equity = self.mid_equity(snapshot)
        bound = self.bound(snapshot, but=order.symbol if closing else "")
        quote_rate = mid_rate(snapshot, instrument.quote, currency)
        base_rate = mid_rate(snapshot, instrument.base, currency)
        if equity is None or bound is None or quote_rate is None or base_rate is None:
            raise InsufficientFunds(f"what the account is worth in {currency} is not known")
        cost = instrument.cost(ticks, opening)
        limit = self._limit(order.symbol, order.side)
        if order.leverage is not None:
            lent = instrument.quote if order.side is Side.BUY else instrument.base
            fee += cost * self._terms.rate_bps(lent) / 10_000
        sign = 1 if order.side is Side.BUY else -1
        lots = closing + opening
        gained = sign * (instrument.qty(lots) * base_rate - instrument.cost(ticks, lots) * quote_rate)
        left = equity + gained - fee * quote_rate
        needed = bound + max(
            cost * quote_rate / min(order.leverage or limit, limit), instrument.qty(opening) * base_rate / limit
        )
        if needed > left:
            raise InsufficientFunds(
                f"{needed:.2f} {currency} of equity are needed to hold all positions; {left:.2f} are there"
            )

    def require_withdrawal(self, currency: str, amount: Decimal, value: Decimal, snapshot: MarketSnapshot) -> None:
        """Check that ``amount`` of ``currency``, worth ``value``, may leave.

        Raises:
            InsufficientFunds: that much is not there, or it secures a loan.
        """
        _require(amount, self.free(currency, snapshot), currency)
        if not self._state.loans:
            return
        equity, bound = self.mid_equity(snapshot), self.bound(snapshot)
        if equity is None or bound is None or equity - bound < value:
            raise InsufficientFunds(f"{amount.normalize():f} {currency} secure what the account owes")


def _missing(needed: Decimal, free: Decimal, currency: str) -> Refusal | None:
    if needed <= free:
        return None
    return Refusal("insufficient_funds", f"{needed.normalize():f} {currency} are needed; {free.normalize():f} are free")


def _require(needed: Decimal, held: Decimal, currency: str) -> None:
    if held < needed:
        raise InsufficientFunds(f"{needed.normalize():f} {currency} are needed; the account holds {held.normalize():f}")
