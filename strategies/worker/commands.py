"""Commands of people, applied between two frames by the worker that holds the deployment."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from portfolios.commands.arguments import (
    AllowEntries,
    Arguments,
    Flatten,
    Flattened,
    Paid,
    Pay,
    StopEntries,
    arguments_of,
    stored,
)
from portfolios.commands.queue import commands_to_apply
from portfolios.models import Command, CommandState
from strategies.worker.hosting import Hosted
from strategies.worker.runner import Runner
from trading.accounting.valuation import mid_rate
from trading.engine import Engine, Outcome
from trading.engine.entry_stop import allow_entries, stop_entries
from trading.engine.flattening import begin_flattening
from trading.frames import utc
from trading.payments import pay
from trading.snapshot import DataSnapshot

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
        applied = False
        for command in commands_to_apply(hosted_by_account):
            hosted = hosted_by_account[command.account_id]
            if _is_applied(command, hosted, snapshot):
                hosted.commands.append(command)
                applied = True
        return runner.flush() if applied else set()


def apply_to(engine: Engine, command: Command, snapshot: DataSnapshot) -> Outcome | None:
    """Apply a command to an engine: that of its deployment, or another that follows the same money.

    Raises:
        ValueError: why it cannot be applied, in a sentence; nothing has changed.
    """
    match arguments_of(command):
        case Flatten():
            begin_flattening(engine, command.key, command.requested_by)
        case StopEntries():
            stop_entries(engine)
        case AllowEntries():
            allow_entries(engine)
        case Pay(amount=amount, currency=currency):
            return pay(engine, command.key, currency, amount, snapshot)
    return None


def _is_applied(command: Command, hosted: Hosted, snapshot: DataSnapshot) -> bool:
    """Apply a command or reject it; False while it must wait."""
    engine, arguments = hosted.engine, arguments_of(command)
    if isinstance(arguments, Pay) and _must_wait(arguments, engine, snapshot):
        return False
    stake = engine.account.state.stake
    try:
        outcome = apply_to(engine, command, snapshot)
    except ValueError as error:
        _end_unapplied(command, arguments, engine, str(error))
        return True
    if outcome is not None:
        hosted.note(outcome)
    hosted.shadows.share(lambda shadow: apply_to(shadow, command, snapshot))
    command.began_sequence, command.began_at = engine.state.sequence, utc(engine.state.time_ns)
    if isinstance(arguments, Flatten):
        command.advance(CommandState.RUNNING)
        return True
    if isinstance(arguments, Pay):
        command.result = stored(Paid((engine.account.state.stake - stake).quantize(Decimal("1e-10"))))
    command.advance(CommandState.DONE)
    command.ended_sequence, command.ended_at = command.began_sequence, command.began_at
    return True


def _end_unapplied(command: Command, arguments: Arguments, engine: Engine, reason: str) -> None:
    """End a command that changed nothing; an account that has not begun is flat already."""
    command.ended_sequence = engine.state.sequence
    if isinstance(arguments, Flatten):
        command.began_sequence = engine.state.sequence
        command.result = stored(Flattened(orders=0))
        command.advance(CommandState.DONE, NOTHING_OPEN)
    else:
        command.ended_at = utc(engine.state.time_ns)
        command.advance(CommandState.REJECTED, reason)


def _must_wait(payment: Pay, engine: Engine, snapshot: DataSnapshot) -> bool:
    """Return whether the account is to be funded first, or a price will come that is not known yet.

    That of a currency nobody trades will not come.
    """
    if not engine.account.is_funded:
        return True
    currency = payment.currency
    is_traded = any(currency in (i.base, i.quote) for i in snapshot.instruments.values())
    return is_traded and mid_rate(snapshot, currency, engine.terms.currency) is None
