"""Commands of people, applied between two frames by the worker that holds the deployment."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from django.db import transaction

from portfolios.commands.arguments import (
    AllowEntries,
    Arguments,
    Cancel,
    Close,
    Closing,
    Flatten,
    Flattened,
    Paid,
    Pay,
    StopEntries,
    arguments_of,
    stored,
)
from portfolios.commands.queue import commands_to_apply, record_commands
from portfolios.models import Command, CommandKind, CommandState
from strategies.worker.hosting import AwaitedOrder, Hosted
from strategies.worker.runner import Runner
from trading.accounting.valuation import mid_rate
from trading.engine import Engine, Outcome
from trading.engine.commands import (
    allow_entries,
    begin_flattening,
    cancel_order,
    close_position,
    pay,
    stop_entries,
)
from trading.frames import utc
from trading.market_snapshot import MarketSnapshot

NOTHING_OPEN = "nothing was open: the account had not begun"


def apply_commands(runner: Runner) -> set[str]:
    """Apply what is requested of the hosted accounts, in the order of requests, and commit it.

    Returns the slugs that changed. The rows, the facts and the checkpoints that know of them are one
    transaction: whenever the process dies, a command was applied once or is still requested. One that must
    wait for a price holds up no later one.
    """
    hosted_by_account = {hosted.account_id: hosted for hosted in runner.present()}
    snapshot = runner.market.snapshot()
    with transaction.atomic():
        is_any_applied = False
        for command in commands_to_apply(hosted_by_account):
            hosted = hosted_by_account[command.account_id]
            if hosted.deployment_id not in runner.hosted:
                continue  # an earlier command could not be applied
            try:
                is_applied = _is_applied(command, hosted, snapshot)
            except Exception as error:
                # Not a refusal: the account may be half changed. Requested again, the same would happen again.
                runner.quarantine(hosted, f"could not apply {command.key}", error)
                _end_inapplicable(command, hosted)
                continue
            if is_applied:
                hosted.commands.append(command)
                is_any_applied = True
        return runner.flush() if is_any_applied else set()


def apply_to(engine: Engine, command: Command, snapshot: MarketSnapshot) -> Outcome | None:
    """Apply a command to an engine: that of its deployment, or another that follows the same money.

    Raises:
        ValueError: why it cannot be applied, in a sentence; nothing has changed.
    """
    return _apply(engine, command, arguments_of(command), snapshot)


def _apply(engine: Engine, command: Command, arguments: Arguments, snapshot: MarketSnapshot) -> Outcome | None:
    desk, by = engine.desk, command.requested_by
    match arguments:
        case Flatten():
            begin_flattening(desk, command.key, by)
        case StopEntries():
            stop_entries(desk)
        case AllowEntries():
            allow_entries(desk)
        case Pay(amount=amount, currency=currency):
            return pay(desk, command.key, currency, amount, snapshot)
        case Close(symbol=symbol, qty=qty):
            lots = None if qty is None else _lots(symbol, qty, snapshot)
            return close_position(desk, str(command.number), symbol, lots, by, snapshot)
        case Cancel(order_id=order_id):
            cancel_order(desk, order_id, by)
    return None


def _lots(symbol: str, qty: Decimal, snapshot: MarketSnapshot) -> int:
    instrument = snapshot.instruments.get(symbol)
    if instrument is None:
        raise ValueError(f"nothing of {symbol} is open: the market does not have it")
    return instrument.lots_within(qty)


def _apply_to_shadow(shadow: Engine, command: Command, snapshot: MarketSnapshot) -> None:
    """Apply a command to a shadow; one that holds less closes what it holds, and one without the order goes on.

    Raises:
        ValueError: it cannot give what is withdrawn.
    """
    arguments = arguments_of(command)
    if not isinstance(arguments, Close | Cancel):
        _apply(shadow, command, arguments, snapshot)
        return
    tries = [arguments, msgspec.structs.replace(arguments, qty=None)] if isinstance(arguments, Close) else [arguments]
    for tried in tries:
        try:
            _apply(shadow, command, tried, snapshot)
        except ValueError:
            continue
        return


def _is_applied(command: Command, hosted: Hosted, snapshot: MarketSnapshot) -> bool:
    """Apply a command or reject it; False while it must wait."""
    engine, arguments = hosted.engine, arguments_of(command)
    if isinstance(arguments, Pay) and _must_wait(arguments, engine, snapshot):
        return False
    stake = engine.account.state.stake
    try:
        outcome = _apply(engine, command, arguments, snapshot)
    except ValueError as error:
        _end_unapplied(command, arguments, engine, str(error))
        return True
    if outcome is not None:
        hosted.note(outcome)
    hosted.shadows.share(lambda shadow: _apply_to_shadow(shadow, command, snapshot))
    command.began_sequence, command.began_at = engine.sequence, utc(engine.time_ns)
    if isinstance(arguments, Flatten | Close | Cancel):
        command.advance(CommandState.RUNNING)
        _await_order(command, arguments, outcome, hosted)
        return True
    if isinstance(arguments, Pay):
        command.result = stored(Paid((engine.account.state.stake - stake).quantize(Decimal("1e-10"))))
    command.advance(CommandState.DONE)
    command.ended_sequence, command.ended_at = command.began_sequence, command.began_at
    return True


def _await_order(command: Command, arguments: Arguments, outcome: Outcome | None, hosted: Hosted) -> None:
    """Remember the order with whose end the command ends."""
    if isinstance(arguments, Cancel):
        hosted.awaited.append(AwaitedOrder(command.key, CommandKind.CANCEL, arguments.order_id))
    elif outcome is not None:
        (order_id,) = outcome.orders
        command.result = stored(Closing(order_id))
        hosted.awaited.append(AwaitedOrder(command.key, CommandKind.CLOSE, order_id))


def _end_unapplied(command: Command, arguments: Arguments, engine: Engine, reason: str) -> None:
    """End a command that changed nothing; an account that has not begun is flat already."""
    command.ended_sequence = engine.sequence
    if isinstance(arguments, Flatten):
        command.began_sequence = engine.sequence
        command.result = stored(Flattened(orders=0))
        command.advance(CommandState.DONE, NOTHING_OPEN)
    else:
        command.ended_at = utc(engine.time_ns)
        command.advance(CommandState.REJECTED, reason)


def _end_inapplicable(command: Command, hosted: Hosted) -> None:
    command.refresh_from_db()
    command.ended_sequence, command.ended_at = hosted.engine.sequence, utc(hosted.engine.time_ns)
    command.advance(CommandState.REJECTED, "it could not be applied: the deployment is quarantined, see its events")
    record_commands([command])


def _must_wait(payment: Pay, engine: Engine, snapshot: MarketSnapshot) -> bool:
    """Return whether the account is to be funded first, or a price will come that is not known yet.

    That of a currency nobody trades will not come.
    """
    if not engine.account.is_funded:
        return True
    currency = payment.currency
    is_traded = any(currency in (i.base, i.quote) for i in snapshot.instruments.values())
    return is_traded and mid_rate(snapshot, currency, engine.terms.currency) is None
