"""What a person commands, between two frames of an engine at work.

A command that needs the market takes it as of the last frame. What a command sends arrives
after the latency, as what a strategy sends does. When one raises, nothing has changed.
"""

from __future__ import annotations

from decimal import Decimal

from trading.accounting.ledger import ZERO, InsufficientFunds
from trading.accounting.positions import Position
from trading.accounting.valuation import mid_rate
from trading.bounds import MOST_AMOUNT, number
from trading.engine import entry_stop
from trading.engine.desk import Desk
from trading.engine.entry_stop import opens
from trading.engine.order_entry import closing_order
from trading.engine.outcome import Outcome
from trading.engine.state import Flattening
from trading.market_snapshot import MarketSnapshot
from trading.orders import Purpose

CLOSE, CANCEL = "close_position", "cancel"


def begin_flattening(desk: Desk, command_id: str, by: str) -> None:
    """Cancel all orders and close all positions: the next frame begins to carry it out.

    Given again meanwhile it changes nothing.

    Raises:
        ValueError: the account has not been funded.
    """
    _require_funded(desk)
    if desk.state.flattening is None:
        desk.state.flattening = Flattening(command_id=command_id, by=by, begun_sequence=desk.state.sequence)


def end_flattening(desk: Desk) -> None:
    """Take the command to flatten back; what was closed stays so."""
    desk.state.flattening = None


def stop_entries(desk: Desk) -> None:
    """Let nothing be opened or enlarged from now on; given again it changes nothing.

    An entry that rests in the book is cancelled, after the latency: what fills until then is filled.
    """
    state = desk.state
    if state.are_entries_stopped:
        return
    state.are_entries_stopped = True
    for order in desk.venue.open_orders.values():
        if order.purpose is Purpose.ENTRY and opens(order, desk.account.position(order.symbol)):
            desk.request_cancel(order.order_id, state.time_ns, entry_stop.CODE)


def allow_entries(desk: Desk) -> None:
    """Take the stop of entries back; what was cancelled stays so."""
    desk.state.are_entries_stopped = False


def close_position(
    desk: Desk, command_id: str, symbol: str, lots: int | None, by: str, snapshot: MarketSnapshot
) -> Outcome:
    """Send a market order that closes ``lots`` of a position, or all of it (None); the outcome holds the order.

    ``command_id`` is one that no other command of the account has. The order closes no more
    than is open when it fills.

    Raises:
        ValueError: nothing of the symbol is open, or less than that, or all is being closed already.
    """
    _require_funded(desk)
    if desk.state.flattening is not None:
        raise ValueError(f"{desk.terms.slug} is being flattened: all positions are being closed")
    position = desk.account.position(symbol)
    closable = desk.account.buying_power.closable_lots(position, snapshot) if position.lots else 0
    if not closable:
        raise ValueError(f"nothing of {symbol} is open")
    lots = closable if lots is None else lots
    if not 0 < lots <= closable:
        raise ValueError(_too_much(position, lots, closable, snapshot))
    order_id = f"{desk.terms.slug}:{snapshot.sequence}:close-{command_id}"
    order = closing_order(
        position,
        lots,
        snapshot,
        order_id=order_id,
        latency_ns=desk.latency_of(order_id),
        code=CLOSE,
        reason=f"closed by {by}",
    )
    outcome = Outcome(desk.state.sequence, snapshot.time_ns)
    desk.send(order, outcome)
    return outcome


def cancel_order(desk: Desk, order_id: str, by: str) -> None:
    """Request that a live order be cancelled; what fills until the request arrives is filled.

    Given again meanwhile it changes nothing.

    Raises:
        ValueError: no such order is live.
    """
    if order_id not in desk.venue.open_orders:
        raise ValueError(f"no order {order_id!r} is open")
    if not desk.is_being_cancelled(order_id):
        desk.request_cancel(order_id, desk.state.time_ns, CANCEL, by)


def pay(desk: Desk, payment_id: str, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> Outcome:
    """Take in what the owner pays (above zero) or give out what is taken (below), and value the account anew.

    ``payment_id`` is one that no other payment of the account has.

    Raises:
        InsufficientFunds: that much is not there, secures a loan, or an order has spoken for it.
        ValueError: not an amount, its worth is not known, or the account would hold more than can be kept.
    """
    number("amount", amount)
    account, outcome = desk.account, Outcome(desk.state.sequence, snapshot.time_ns)
    fact = f"{desk.terms.slug}:{payment_id}"
    if amount < 0:
        _require_free(desk, currency, -amount, snapshot)
        outcome.entries = account.withdraw(fact, currency, -amount, snapshot)
    else:
        _require_room(desk, currency, amount, snapshot)
        outcome.entries = account.deposit(fact, currency, amount, snapshot)
    outcome.mark = account.worth(snapshot)
    if outcome.mark is not None:
        desk.state.figures.mark(account, outcome.mark, snapshot)
    return outcome


def _require_funded(desk: Desk) -> None:
    if not desk.account.is_funded:
        raise ValueError(f"{desk.terms.slug} has not begun: nothing is open")


def _require_free(desk: Desk, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> None:
    held = desk.account.buying_power.free(currency, snapshot)
    free = max(held - desk.venue.reserved(currency, snapshot), ZERO)
    if amount > free:
        raise InsufficientFunds(
            f"{amount.normalize():f} {currency} were to be taken out; {free.normalize():f} are free"
        )


def _require_room(desk: Desk, currency: str, amount: Decimal, snapshot: MarketSnapshot) -> None:
    rate = mid_rate(snapshot, currency, desk.terms.currency) or ZERO
    sums = {currency: desk.account.balance(currency) + amount}
    sums[desk.terms.currency] = max(sums.get(desk.terms.currency, ZERO), desk.account.state.stake + amount * rate)
    for name, total in sums.items():
        if total >= MOST_AMOUNT:
            raise ValueError(f"{total:.3E} {name} would be paid in or held; expected less than 10^15")


def _too_much(position: Position, lots: int, closable: int, snapshot: MarketSnapshot) -> str:
    instrument = snapshot.instrument(position.symbol)
    wanted, there = (instrument.qty(n).normalize() for n in (lots, closable))
    return f"{wanted:f} {position.base} were to be closed; expected more than nothing and at most {there:f}"
