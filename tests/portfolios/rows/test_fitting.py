"""Rows are checked against their columns before they are written: what does not fit is named."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from portfolios.models import Balance, Fill, Order, Standing
from portfolios.models.columns import stored
from portfolios.rows.fitting import Unstorable, require_fitting, require_fitting_checkpoint

MOST = Decimal(10) ** 18


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (Balance(amount=MOST), "Balance.amount is 1000000000000000000; expected a number of at most 18 digits before"),
        (Balance(amount=Decimal("NaN")), "Balance.amount is NaN; expected a number"),
        (Balance(amount=1.5), "Balance.amount is 1.5; expected a number"),
        (Standing(fills=2**31), "Standing.fills is 2147483648; expected a whole number from 0 to 2147483647"),
        (Standing(sequence=2**63), "Standing.sequence is 9223372036854775808; expected a whole number from -9223"),
        (
            Order(reason="\ud83d"),
            r"Order.reason is '\ud83d'; expected text of at most 300 characters, without NUL and lone surrogates",
        ),
        (Order(code="a\x00"), r"Order.code is 'a\x00'; expected text of at most 60 characters, without NUL"),
        (Order(symbol="X" * 31), f"Order.symbol is '{'X' * 31}'; expected text of at most 30 characters, without NUL"),
        (Fill(time=datetime.fromisoformat("2026-01-01")), "Fill.time is 2026-01-01 00:00:00; expected an aware time"),
        (Standing(why="many"), "Standing.why is 'many'; expected an object"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_named_with_what_would_fit(row: Any, sentence: str) -> None:
    with pytest.raises(Unstorable) as refused:
        require_fitting([row])

    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    "row", [Balance(amount=MOST - 1), Balance(amount=0), Order(reason="größer 😀"), Fill(), Standing()]
)
def test_whatever_fits_is_let_through(row: Any) -> None:
    require_fitting([row])


def test_a_checkpoint_that_would_hold_everybody_up_is_refused() -> None:
    with pytest.raises(Unstorable, match="the checkpoint takes 65 MB; expected at most 64 MB"):
        require_fitting_checkpoint(bytes(65 * 2**20))


@pytest.mark.parametrize("number", [Decimal("1e30"), Decimal("NaN"), Decimal("Infinity")])
def test_a_figure_that_no_column_holds_stays_as_it_is_until_its_row_is_checked(number: Decimal) -> None:
    assert str(stored(number)) == str(number)
