"""At which price of one instrument the lender would close positions, if all other prices stayed as they are.

What the account holds, owes and has bound is worth an amount that depends on that price p as
a + b * p + c / p, because each currency is valued by a way over instruments at mid, and the
instrument lies on some of these ways, forwards or backwards. The level at which positions are closed
is therefore a root of a quadratic equation.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from trading.accounting.account import Account
from trading.accounting.ledger import ZERO
from trading.accounting.margin import binding
from trading.accounting.valuation import way
from trading.market_snapshot import MarketSnapshot

_ONE, _TWO = Decimal(1), Decimal(2)


class _Worth(NamedTuple):
    """An amount of the account's currency as it depends on the price p."""

    fixed: Decimal = ZERO
    rising: Decimal = ZERO  # times p
    falling: Decimal = ZERO  # over p

    def plus(self, other: _Worth, times: Decimal = _ONE) -> _Worth:
        return _Worth(*(mine + its * times for mine, its in zip(self, other, strict=True)))

    def at(self, price: Decimal) -> Decimal:
        return self.fixed + self.rising * price + self.falling / price


def liquidation_price(account: Account, symbol: str, snapshot: MarketSnapshot) -> Decimal | None:
    """Return the first price on the instrument's grid, going against its position, that closes positions.

    Of the mid, all other prices, debts and holdings being as they are. None when the account owes nothing, nothing is
    open in ``symbol``, a price is unknown, no price closes anything, or any does: it is below the level already.
    """
    position = account.position(symbol)
    top = snapshot.top_or_none(symbol)
    if not account.state.loans or not position.lots or top is None or not top.bids or not top.asks:
        return None
    margins = _margins(account, symbol, snapshot)
    instrument = snapshot.instrument(symbol)
    now = instrument.price(top.bids[0].ticks + top.asks[0].ticks) / _TWO
    if margins is None or any(margin.at(now) < 0 for margin in margins):
        return None
    is_down = position.lots > 0
    crossings = [price for margin in margins for price in _crossings(margin, now, is_down=is_down)]
    if not crossings:
        return None
    exact = (max(crossings) if is_down else min(crossings)).scaleb(instrument.price_decimals)
    # At the level itself nothing is closed yet.
    beyond = exact.to_integral_value(ROUND_CEILING) - 1 if is_down else exact.to_integral_value(ROUND_FLOOR) + 1
    return instrument.price(int(beyond)) if beyond > 0 else None


def _margins(account: Account, symbol: str, snapshot: MarketSnapshot) -> tuple[_Worth, _Worth] | None:
    """Return by how much the account is above each of the two levels; below zero it is closed."""
    equity = used = value = _Worth()
    for amounts, sign in ((account.state.balances, _ONE), (account.state.loans, -_ONE)):
        for currency, amount in amounts.items():
            worth = _unit(account, currency, symbol, snapshot) if amount else _Worth()
            if worth is None:
                return None
            equity = equity.plus(worth, sign * amount)
    for position in binding(account.state.positions):
        quote = _unit(account, position.quote, symbol, snapshot)
        base = _unit(account, position.base, symbol, snapshot)
        if quote is None or base is None:
            return None
        used = used.plus(quote, position.margin)
        value = value.plus(base, snapshot.instrument(position.symbol).qty(position.borrowed_lots))
    hundredfold = _Worth().plus(equity, Decimal(100))
    terms = account.terms
    return hundredfold.plus(used, -terms.stop_level_pct), hundredfold.plus(value, -terms.maintenance_pct)


def _unit(account: Account, currency: str, symbol: str, snapshot: MarketSnapshot) -> _Worth | None:
    """Return what one of ``currency`` is worth; None when no books lead to the account's own."""
    if currency == account.state.currency:
        return _Worth(_ONE)
    legs = way(snapshot, currency, account.state.currency)
    if legs is None:
        return None
    rate, power = _ONE, 0
    for instrument, is_forward in legs:
        if instrument.symbol == symbol:
            power = 1 if is_forward else -1
            continue
        top = snapshot.top(instrument.symbol)
        mid = instrument.price(top.bids[0].ticks + top.asks[0].ticks) / _TWO
        rate = rate * mid if is_forward else rate / mid
    return (_Worth(rate), _Worth(rising=rate), _Worth(falling=rate))[power]


def _crossings(margin: _Worth, now: Decimal, *, is_down: bool) -> Iterator[Decimal]:
    """Yield the prices beyond ``now`` at which ``margin`` falls below zero on the way there."""
    for root in _roots(margin):
        is_beyond = root < now if is_down else root > now
        if not is_beyond or root <= 0:
            continue
        # The slope at the root tells on which side the margin is below zero.
        slope = margin.rising - margin.falling / (root * root)
        if slope > 0 if is_down else slope < 0:
            yield root


def _roots(margin: _Worth) -> Iterator[Decimal]:
    """Yield the prices at which ``margin`` is zero."""
    fixed, rising, falling = margin
    if not falling:
        if rising:
            yield -fixed / rising
        return
    if not rising:
        if fixed:
            yield -falling / fixed
        return
    under = fixed * fixed - 4 * rising * falling
    if under > 0:
        yield (-fixed + under.sqrt()) / (2 * rising)
        yield (-fixed - under.sqrt()) / (2 * rising)
