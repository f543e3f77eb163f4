"""Commands to flatten as rows: asked for, under way, done or withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portfolios.models import OPEN_STATES, Account, Flattening, FlatteningState


def open_flattening(account: Account) -> Flattening | None:
    """Return the command that has not been carried out yet, if there is one."""
    return Flattening.objects.filter(account=account, state__in=OPEN_STATES).first()


def flattenings_to_begin(accounts: Iterable[int]) -> QuerySet[Flattening]:
    """Return what is asked of these open accounts, locked until the transaction ends."""
    asked = Flattening.objects.select_for_update(of=("self",)).filter(state=FlatteningState.ASKED)
    return asked.filter(account__in=list(accounts), account__closed_at=None).order_by("pk")


@transaction.atomic
def record_begun(flattenings: Sequence[Flattening]) -> None:
    """Write that commands were taken up; it belongs in the transaction that writes the checkpoint that knows of it."""
    for flattening in flattenings:
        flattening.save(update_fields=["state", "sentence", "sequence", "begun_at", "done_sequence", "done_at"])


def record_wait(*, pk: int, sentence: str) -> None:
    """Write what a command that is under way waits for; empty: for nothing."""
    Flattening.objects.filter(pk=pk, state=FlatteningState.UNDER_WAY).update(sentence=sentence[:500])


def record_done(*, pk: int, orders: int, dust: str, sequence: int, at: datetime) -> bool:
    """Write that a command was carried out; False when it was withdrawn meanwhile, or is on record already."""
    under_way = Flattening.objects.filter(pk=pk, state=FlatteningState.UNDER_WAY)
    told = {"sentence": dust[:500], "orders": orders, "done_sequence": sequence, "done_at": at}
    return bool(under_way.update(state=FlatteningState.DONE, **told))


def withdraw_flattenings(accounts: QuerySet[Account], sentence: str) -> int:
    """End what was asked of these accounts and has not been carried out; return how many commands that were."""
    open_ones = Flattening.objects.filter(account__in=accounts, state__in=OPEN_STATES)
    return open_ones.update(state=FlatteningState.WITHDRAWN, sentence=sentence[:500])
