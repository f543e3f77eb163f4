"""What a commit writes of many deployments: one statement a table, whoever they are and however many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from portfolios.rows.accounts import Rows
from portfolios.rows.shadows import ShadowUpdate, record_shadows
from portfolios.rows.updates import AccountUpdate
from portfolios.rows.valuations import record_valuations
from portfolios.services import record_rows
from strategies.deployments.revisions import record_applied_revisions
from strategies.worker.command_records import record_progress
from strategies.worker.event_records import record_outcomes
from strategies.worker.hosting import Hosted


class Written(NamedTuple):
    """A deployment, and what is to be written of it."""

    hosted: Hosted
    update: AccountUpdate
    rows: Rows
    shadows: list[ShadowUpdate]


def record(written: Sequence[Written]) -> None:
    """Write the facts of deployments. To be called in a transaction; safe to repeat."""
    record_rows([each.rows for each in written])
    record_valuations([each.update.valuation for each in written if each.update.valuation is not None])
    ended = [(each.hosted.account_id, model) for each in written for model in each.hosted.shadows.ended]
    record_shadows([shadow for each in written for shadow in each.shadows], ended)
    record_outcomes(each.hosted for each in written)
    for each in written:
        record_progress(each.hosted)
    record_applied_revisions(
        (each.hosted.deployment_id, *revision) for each in written for revision in each.hosted.applied_revisions
    )
