"""Fees: dated, tiered, and never nothing for want of knowing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from tests.desk import Desk
from tests.drawing import START_NS
from trading.exchange.evidence import rederived
from trading.fees import (
    KRAKEN_SPOT_2026_07,
    PUBLISHED,
    FeePlan,
    FeeSchedule,
    FeeTier,
    Liquidity,
    UnknownFeeSchedule,
    published,
)

TAKER, MAKER = Liquidity.TAKER, Liquidity.MAKER
DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize(
    ("volume", "taker", "maker"),
    [("0", 40, 25), ("9999.99", 40, 25), ("10000", 35, 20), ("600000000", 5, 0)],
)
def test_a_tier_begins_at_its_volume(volume: str, taker: int, maker: int) -> None:
    assert KRAKEN_SPOT_2026_07.rate_bps(TAKER, D(volume)) == taker
    assert KRAKEN_SPOT_2026_07.rate_bps(MAKER, D(volume)) == maker


def test_an_unknown_volume_has_earned_no_discount() -> None:
    assert KRAKEN_SPOT_2026_07.rate_bps(TAKER, None) == 40


def test_tables_that_the_exchange_left_empty_charge_the_highest_rate_known() -> None:
    empty = published("kraken-spot-2026-09", date(2026, 9, 25), [], [])
    half = published("kraken-spot-2026-09", date(2026, 9, 25), [["0", "0.30"], ["100", "0.10"]], [])

    assert (empty.rate_bps(TAKER, D(0)), empty.rate_bps(MAKER, D(10**9))) == (40, 25)
    assert (half.rate_bps(TAKER, D(100)), half.rate_bps(MAKER, D(100))) == (10, 25)


def test_volumes_below_the_first_row_pay_the_first_row() -> None:
    schedule = FeeSchedule("odd", date(2026, 1, 1), [FeeTier(D(500), D(10), D(5)), FeeTier(D(100), D(30), D(20))])

    assert schedule.rate_bps(TAKER, D(1)) == 30


def test_the_schedule_in_force_at_market_time_applies() -> None:
    old = FeeSchedule("x-2026-01", date(2026, 1, 1), [FeeTier(D(0), D(26), D(16))])
    new = FeeSchedule("x-2026-08", date(2026, 7, 9), [FeeTier(D(0), D(40), D(25))])
    plan = FeePlan("x", (old, new))

    assert [plan.at(START_NS + days * DAY_NS).name for days in (-900, 0, 1, 2)] == [
        "x-2026-01",
        "x-2026-01",
        "x-2026-08",
        "x-2026-08",
    ]


def test_a_plan_is_named_after_a_schedule_or_its_family() -> None:
    assert PUBLISHED.plan("kraken-spot").at(START_NS) is KRAKEN_SPOT_2026_07
    assert PUBLISHED.schedule("kraken-spot-2026-07") is KRAKEN_SPOT_2026_07
    with pytest.raises(UnknownFeeSchedule, match=r"fee schedule is 'free'; known are kraken-spot-2026-07"):
        PUBLISHED.plan("free")


def test_what_was_known_first_keeps_its_name() -> None:
    own = FeeSchedule("broker-2026-01", date(2026, 1, 1), [FeeTier(D(0), D(10), D(5))])
    forged = FeeSchedule("kraken-spot-2026-07", date(2026, 1, 1), [FeeTier(D(0), D(0), D(0))])

    known = PUBLISHED.with_more([own, forged])

    assert [schedule.name for schedule in known] == ["broker-2026-01", "kraken-spot-2026-07"]
    assert known.schedule("kraken-spot-2026-07") is KRAKEN_SPOT_2026_07
    assert known.families() == ["broker", "kraken-spot"]


def test_a_deployment_is_charged_by_the_plan_in_its_terms_and_its_fills_derive_from_that() -> None:
    cheap = FeeSchedule("broker-2026-01", date(2026, 1, 1), [FeeTier(D(0), D(10), D(5))])
    desk = Desk("101 x 9\n---\n100 x 9", fee_schedule="broker", fee_plan=FeePlan("broker", (cheap,)))

    desk.trade("buy", D("0.5"))

    (fill,) = desk.outcomes[-1].fills
    assert (fill.fee, fill.evidence["fee_schedule"]) == (fill.cost / 1_000, "broker-2026-01")
    assert rederived(fill, PUBLISHED.with_more([cheap])).is_verified
    assert "known are kraken-spot-2026-07" in rederived(fill).steps[0]


def test_thirty_days_of_own_volume_make_the_tier_and_then_are_forgotten() -> None:
    desk = Desk("101 x 9000000\n---\n100 x 9000000", stake=D(20_000))
    account = desk.engine.account

    desk.trade("buy", 101)
    assert account.fee_bps(TAKER, desk.snapshot.time_ns) == 35
    desk.trade("sell", 1)

    assert desk.outcomes[-1].fills[0].fee == 100 * D("0.0035")
    assert account.fee_bps(TAKER, desk.snapshot.time_ns + 29 * DAY_NS) == 35
    assert account.fee_bps(TAKER, desk.snapshot.time_ns + 30 * DAY_NS) == 40
