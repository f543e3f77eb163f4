"""A return is a gain in percent of the money it was made with; payments are no gain."""

from __future__ import annotations

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from tests.desk import lending
from tests.laws import law
from tests.markets import MIDS, snapshot_of
from trading.accounting.account import Account
from trading.accounting.state import AccountState
from trading.fees import PUBLISHED
from trading.performance.returns import fees_of_edge_pct, return_pct

cents = st.integers(1, 10**8).map(lambda number: D(number) / 100)


def test_a_return_is_the_gain_in_percent_of_the_money_it_was_made_with():
    assert return_pct(D(5), D(200)) == D("2.5")
    assert return_pct(D(-50), D(200)) == -25


def test_where_there_was_no_money_no_return_is_known():
    assert return_pct(D(5), D(0)) is None
    assert return_pct(D(5), D(-1)) is None


def test_the_share_of_fees_needs_a_gain_before_them_and_a_fee():
    assert fees_of_edge_pct(D(30), D(10)) == 25
    assert fees_of_edge_pct(D(-5), D(10)) == 200
    assert fees_of_edge_pct(D(30), D(0)) is None
    assert fees_of_edge_pct(D(-10), D(10)) is None


@law
@given(stake=cents, result=st.integers(-(10**6), 10**6), paid=cents, is_in=st.booleans())
def test_a_payment_at_any_moment_moves_no_gain_and_only_a_deposit_moves_the_base(stake, result, paid, is_in):
    account = Account(AccountState(currency="USD"), PUBLISHED.plan("kraken-spot"), lending())
    snapshot = snapshot_of(dict(MIDS))
    account.fund("a", stake + paid, "USD", snapshot)
    gain = stake * result / 10**6
    base, equity = account.state.paid_in, account.state.stake + gain

    if is_in:
        account.deposit("in", "USD", paid, snapshot)
    else:
        account.withdraw("out", "USD", paid, snapshot)
    equity += paid if is_in else -paid

    assert equity - account.state.stake == gain
    assert return_pct(gain, account.state.paid_in) == return_pct(gain, base + (paid if is_in else 0))
