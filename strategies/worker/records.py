"""What a commit writes of many deployments: one statement a table, whoever they are and however many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from portfolios.rows.shadows import ShadowUpdate, record_shadows
from portfolios.rows.updates import AccountUpdate
from portfolios.rows.valuations import record_valuations
from portfolios.services import record_updates
from strategies.deployments.revisions import record_applied_revisions
from strategies.worker.command_records import record_progress
from strategies.worker.event_records import record_outcomes
from strategies.worker.hosting import Hosted
from trading.market_snapshot import MarketSnapshot


class Written(NamedTuple):
    """A deployment, and what is to be written of it."""

    hosted: Hosted
    update: AccountUpdate
    shadows: list[ShadowUpdate]


def record(written: Sequence[Written], snapshot: MarketSnapshot) -> None:
    """Write the facts of deployments, as ``snapshot`` has the market. To be called in a transaction; safe to repeat."""
    record_updates([update for _, update, _ in written], snapshot.instruments)
    record_valuations([update.valuation for _, update, _ in written if update.valuation is not None])
    ended = [(hosted.account_id, model) for hosted, _, _ in written for model in hosted.shadows.ended]
    record_shadows([shadow for _, _, shadows in written for shadow in shadows], ended)
    record_outcomes(hosted for hosted, _, _ in written)
    for hosted, _, _ in written:
        record_progress(hosted)
    record_applied_revisions(
        (hosted.deployment_id, *revision) for hosted, _, _ in written for revision in hosted.applied_revisions
    )
