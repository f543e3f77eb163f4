"""A drawdown is how far an account is below its highest point before. Payments never count."""

from __future__ import annotations

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from tests.laws import law
from trading.performance.drawdown import Drawdown, drawdowns, worst_drawdown_pct

moves = st.lists(st.tuples(st.integers(-60, 80), st.integers(-90, 300)), min_size=1, max_size=30)


def test_the_drawdown_is_percent_below_the_highest_point_before():
    seen = list(drawdowns(D(100), [(D(120), D(0)), (D(90), D(0)), (D(114), D(0))]))

    assert [drawdown.pct for drawdown in seen] == [0, 25, 5]
    assert [drawdown.peak for drawdown in seen] == [120, 120, 120]
    assert seen[-1].worst_pct == 25


def test_an_account_that_is_down_and_is_paid_in_is_as_far_down_as_before():
    down = Drawdown(D(100)).after(D(90))

    assert down.after(D(190), paid=D(100)).pct == down.pct == 10
    assert down.after(D(45), paid=D(-45)).pct == 10


def test_a_gain_beside_a_payment_is_a_gain():
    down = Drawdown(D(100)).after(D(50))

    assert down.after(D(160), paid=D(80)).pct == 20  # 50 became 80, and as much came


def test_where_nothing_was_left_the_peak_moves_by_the_payment():
    nothing = Drawdown(D(100)).after(D(-10))

    assert nothing.pct == 110
    assert nothing.after(D(40), paid=D(50)).peak == 150


def test_without_a_later_moment_there_is_no_drawdown():
    assert worst_drawdown_pct(D(100), []) == 0


@law
@given(moves)
def test_a_payment_at_any_moment_changes_no_drawdown(moves):
    alone = equity = D(1000)
    without, paying = [], []
    for move_pct, paid_pct in moves:
        alone *= 1 + D(move_pct) / 100
        without.append((alone, D(0)))
        grown = equity * (1 + D(move_pct) / 100)
        paid = grown * paid_pct / 100
        equity = grown + paid
        paying.append((equity, paid))

    for left, kept in zip(drawdowns(D(1000), paying), drawdowns(D(1000), without), strict=True):
        assert abs(left.pct - kept.pct) < D("1e-20")
        assert abs(left.worst_pct - kept.worst_pct) < D("1e-20")
    assert abs(worst_drawdown_pct(D(1000), paying) - worst_drawdown_pct(D(1000), without)) < D("1e-20")


@law
@given(st.lists(st.tuples(st.integers(-100, 10**6).map(D), st.integers(-(10**5), 10**5).map(D)), max_size=30))
def test_the_worst_is_never_better_than_the_present_and_a_peak_never_below_the_equity(moments):
    for (equity, _), drawdown in zip(moments, drawdowns(D(100), moments), strict=True):
        assert drawdown.worst_pct >= drawdown.pct >= 0
        assert drawdown.peak >= equity
