"""The leaderboard's row: no column of it is ever left as it was."""

from __future__ import annotations

import pytest

from portfolios.models import Standing
from portfolios.rows.accounts import standing_values
from portfolios.rows.updates import AccountUpdate
from portfolios.services import record_updates
from tests.working import Work, around

pytestmark = pytest.mark.django_db


@pytest.fixture
def update() -> AccountUpdate:
    work = Work()
    work.show(around(100))
    work.settle()
    return AccountUpdate(account_id=work.account.pk, sequence=10**12, time_ns=1, state=work.hosted.engine.state)


def test_every_column_is_written_anew(update: AccountUpdate) -> None:
    values = standing_values(update)

    assert values is not None
    assert {field.attname for field in Standing._meta.concrete_fields} - {"account_id"} == set(values)


def test_a_newer_row_replaces_all_of_an_older_one(update: AccountUpdate) -> None:
    Standing.objects.update(fills=99, margin_level_pct=99, is_called=True, why={"old": 1}, indicators={"old": 1})

    record_updates([update], {})

    row = Standing.objects.get()
    assert (row.fills, row.margin_level_pct, row.is_called, row.why, row.indicators) == (0, None, False, {}, {})
    assert row.sequence == 10**12
