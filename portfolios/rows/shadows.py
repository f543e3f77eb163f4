"""Shadows as rows: how an account would stand under the other fill models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from portfolios import models
from portfolios.rows.bulk import upsert
from portfolios.rows.fitting import require_fitting, require_fitting_checkpoint
from trading.engine.shadow import Shadow
from trading.frames import utc

_FIGURES = (
    *("since", "since_equity", "since_result", "equity", "mid_equity", "result", "fees", "max_drawdown_pct"),
    *("fills", "round_trips", "errors", "as_of"),
)
_UNIQUE = ("account", "fill_model")


@dataclass(slots=True)
class ShadowUpdate:
    """A shadow as it is to be written, beside its account's update."""

    account_id: int
    shadow: Shadow
    checkpoint: bytes | None = None  # None: the stored one may stay, and with it the account's


def require_fitting_shadow(update: ShadowUpdate) -> None:
    """Check that the shadow's row can be written.

    Raises:
        Unstorable: it has a value that its column cannot hold.
    """
    require_fitting([_row(update)])
    if update.checkpoint is not None:
        require_fitting_checkpoint(update.checkpoint)


def record_shadows(updates: Sequence[ShadowUpdate], ended: Iterable[tuple[int, str]]) -> None:
    """Write shadows and delete those that ``ended`` (account and fill model); part of one fact with their accounts."""
    gone = Q()
    for account_id, fill_model in ended:
        gone |= Q(account_id=account_id, fill_model=fill_model)
    if gone:
        models.Shadow.objects.filter(gone).delete()
    moved = [_row(update) for update in updates if update.checkpoint is None]
    saved = [_row(update) for update in updates if update.checkpoint is not None]
    upsert(models.Shadow, moved, _UNIQUE, _FIGURES)
    upsert(models.Shadow, saved, _UNIQUE, (*_FIGURES, "since_sequence", "sequence", "checkpoint"))


def _row(update: ShadowUpdate) -> models.Shadow:
    shadow = update.shadow
    engine, origin = shadow.engine, shadow.origin
    return models.Shadow(
        account_id=update.account_id,
        fill_model=shadow.model,
        since_sequence=origin.sequence,
        since=utc(origin.time_ns) if origin.time_ns else None,
        since_equity=origin.equity,
        since_result=origin.result,
        equity=engine.figures.equity,
        mid_equity=engine.figures.mid_equity,
        result=shadow.result,
        fees=engine.account.state.fees,
        max_drawdown_pct=engine.figures.max_drawdown_pct,
        fills=engine.figures.fills,
        round_trips=engine.account.state.round_trips,
        errors=shadow.errors,
        as_of=utc(engine.time_ns) if engine.time_ns else None,
        sequence=engine.sequence,
        checkpoint=update.checkpoint or b"",
    )
