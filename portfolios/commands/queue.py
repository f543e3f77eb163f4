"""The command queue: requests go in here, are applied in the order of their ids, and end here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from portfolios.audit import note_change
from portfolios.commands.arguments import Arguments, Pay, Result, kind_of, sentence, stored
from portfolios.models import OPEN_STATES, Account, Command, CommandKind, CommandState
from portfolios.models.commands import states_before

ENTRY_KINDS = (CommandKind.STOP_ENTRIES, CommandKind.ALLOW_ENTRIES)
MESSAGE_LENGTH = 500


@transaction.atomic
def request_command(*, account: Account, arguments: Arguments, by: str, note: str = "") -> Command:
    """Put a command into the account's queue; the worker that holds the account applies it. It is audited.

    Raises:
        ValidationError: the account is closed.
    """
    if account.closed_at is not None:
        raise ValidationError(f"the account of {account.slug} is closed: nothing can be requested of it")
    command = Command.objects.create(
        account=account, kind=kind_of(arguments), arguments=stored(arguments), requested_by=by[:150]
    )
    kind, action = _audited_as(arguments)
    requested = f"{sentence(arguments)} requested" + (f". {note}" if note else "")
    note_change(by=by, kind=kind, subject=account.slug, action=action, sentence=requested)
    return command


def _audited_as(arguments: Arguments) -> tuple[str, str]:
    if isinstance(arguments, Pay):
        return "payment", "paid in" if arguments.amount > 0 else "taken out"
    return "command", kind_of(arguments).value.replace("_", " ")


def open_command(account: Account, arguments: Arguments) -> Command | None:
    """Return the oldest command that requests the same of the account and has not ended, if there is one."""
    same = Command.objects.filter(account=account, kind=kind_of(arguments), arguments=stored(arguments))
    return same.filter(state__in=OPEN_STATES).order_by("pk").first()


def commands_to_apply(accounts: Iterable[int]) -> QuerySet[Command]:
    """Return what is requested of these open accounts, in the order of requests, locked until the transaction ends."""
    requested = Command.objects.select_for_update(of=("self",)).filter(state=CommandState.REQUESTED)
    return requested.filter(account__in=list(accounts), account__closed_at=None).order_by("pk")


def awaited_orders(accounts: Iterable[int]) -> list[tuple[int, str, str, str]]:
    """Return the commands that run until an order has ended: account, key, kind and order id of each."""
    running = Command.objects.filter(account__in=list(accounts), state=CommandState.RUNNING).order_by("pk")
    closing = [(each, each.result["order_id"]) for each in running.filter(kind=CommandKind.CLOSE)]
    cancelling = [(each, each.arguments["order_id"]) for each in running.filter(kind=CommandKind.CANCEL)]
    return [(each.account_id, each.key, each.kind, order_id) for each, order_id in [*closing, *cancelling]]


@transaction.atomic
def record_commands(commands: Sequence[Command]) -> None:
    """Write how far commands have come; it belongs in the transaction that writes the checkpoint that knows of them."""
    for command in commands:
        command.save(
            update_fields=["state", "message", "result", "began_sequence", "began_at", "ended_sequence", "ended_at"]
        )


def record_wait(*, key: str, message: str) -> None:
    """Write what a running command waits for; empty: for nothing."""
    _named(key).filter(state=CommandState.RUNNING).update(message=message[:MESSAGE_LENGTH])


def record_end(
    *, key: str, state: CommandState, message: str, sequence: int, at: datetime, result: Result | None = None
) -> bool:
    """Write how a running command ended; False when it was withdrawn meanwhile, or is on record already."""
    fields = {"message": message[:MESSAGE_LENGTH], "ended_sequence": sequence, "ended_at": at}
    if result is not None:
        fields["result"] = stored(result)
    return bool(_named(key).filter(state=CommandState.RUNNING).update(state=state, **fields))


def withdraw_commands(accounts: QuerySet[Account], message: str, kinds: Iterable[CommandKind] = CommandKind) -> int:
    """End what is requested of these accounts and has not ended; return how many commands that were."""
    open_ones = Command.objects.filter(
        account__in=accounts, kind__in=list(kinds), state__in=states_before(CommandState.WITHDRAWN)
    )
    return open_ones.update(state=CommandState.WITHDRAWN, message=message[:MESSAGE_LENGTH])


def _named(key: str) -> QuerySet[Command]:
    """Return the command with this key: ids of commands from before there was one queue are not in their keys."""
    number = int(key.rpartition("-")[2])
    return Command.objects.filter(Q(legacy_key=key) | Q(legacy_key=None, pk=number))
