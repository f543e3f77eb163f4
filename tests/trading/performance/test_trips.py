"""Figures of round trips: unknown before there is one, never a zero."""

from __future__ import annotations

from decimal import Decimal as D

from trading.performance.intervals import wilson_interval
from trading.performance.trips import profit_factor, win_rate_interval_pct, win_rate_pct


def test_the_win_rate_is_of_closed_round_trips_and_unknown_without_any():
    assert win_rate_pct(1, 4) == 25
    assert win_rate_pct(0, 3) == 0
    assert win_rate_pct(0, 0) is None
    assert win_rate_interval_pct(0, 0) is None


def test_the_interval_of_a_win_rate_is_wilsons_in_percent():
    share = wilson_interval(1, 2)

    assert win_rate_interval_pct(1, 2) == (share.low * 100, share.high * 100)
    assert [round(bound) for bound in win_rate_interval_pct(1, 2)] == [9, 91]


def test_the_profit_factor_has_no_bound_without_a_loss():
    assert profit_factor(D(30), D(20)) == D("1.5")
    assert profit_factor(D(0), D(20)) == 0
    assert profit_factor(D(30), D(0)) is None
