"""The owner pays in or takes out, between two frames of an engine at work."""

from __future__ import annotations

from decimal import Decimal

from trading.accounting.ledger import ZERO, InsufficientFunds
from trading.engine import Engine, Outcome
from trading.market_snapshot import MarketSnapshot


def pay(engine: Engine, payment_id: str, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> Outcome:
    """Take in what is paid (above zero) or give out what is taken (below), and value the account anew.

    ``payment_id`` is one that no other payment of the account has. When it raises, nothing has changed.

    Raises:
        InsufficientFunds: that much is not there, secures a loan, or an order has spoken for it.
        ValueError: not an amount, or its worth is not known.
    """
    outcome = Outcome(engine.state.sequence, snapshot.time_ns)
    fact = f"{engine.terms.slug}:{payment_id}"
    if amount < 0:
        _require_free(engine, currency, -amount, snapshot)
        outcome.entries = engine.account.withdraw(fact, currency, -amount, snapshot)
    else:
        outcome.entries = engine.account.deposit(fact, currency, amount, snapshot)
    outcome.mark = engine.account.worth(snapshot)
    if outcome.mark is not None:
        engine.state.figures.mark(engine.account, outcome.mark, snapshot)
    return outcome


def _require_free(engine: Engine, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> None:
    held = engine.account.means.free(currency, snapshot)
    free = max(held - engine.exchange.reserved(currency, snapshot), ZERO)
    if amount > free:
        raise InsufficientFunds(
            f"{amount.normalize():f} {currency} were to be taken out; {free.normalize():f} are free"
        )
