"""The rules that strategies share, each on numbers that can be checked by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from strategies.library._rules.breaker import Breaker, note_result
from strategies.library._rules.cooldown import begin_cooldown, is_cooling, is_tape_cooling
from strategies.library._rules.exits import Decay, Trailing
from strategies.library._rules.fees import FeeCheck
from strategies.library._rules.flow import Flow
from strategies.library._rules.holding import enter, gain_pct, is_leaving, leave
from strategies.library._rules.limits import Correlated, Exposure, Limits
from strategies.library._rules.looks import begin_entry, has_entered, look_once
from strategies.library._rules.sessions import Session, Sessions, session_at
from strategies.library._rules.sizing import size_within
from strategies.library._rules.volatility import Volatility
from tests.stage import PRICES, Stage
from trading.book import Side
from trading.engine.strategy_state import pack_state, unpack_state
from trading.fees import Liquidity
from trading.fills import Fill
from trading.indicators.flow import TradeFlow
from trading.indicators.volatility import Volatility as Kind
from trading.portfolio import Holding
from trading.signals import Action, NoSignal, Signal, SizeUnit
from trading.snapshot import seen_by

MINUTE_NS = 60_000_000_000


def fill(result: str | None, order_id: str, minute: int = 0) -> Fill:
    return Fill(
        fill_id=f"{order_id}-{minute}", order_id=order_id, symbol="BTC/USD", side=Side.SELL, qty=Decimal(1),
        price=Decimal(1), cost=Decimal(1), fee=Decimal(0), quote="USD", liquidity=Liquidity.TAKER, sequence=0,
        time_ns=minute * MINUTE_NS, result=None if result is None else Decimal(result),
    )  # fmt: skip


def noted(*fills: Fill) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for one in fills:
        note_result(one, state)
    return state


def long(entry: float = 100, opened_minute: int = 0, qty: float = 1) -> Holding:
    return Holding("BTC/USD", qty, entry, opened_minute * MINUTE_NS)


def short(entry: float = 100) -> Holding:
    return long(entry, qty=-1)


def test_the_breaker_rests_after_so_many_losing_orders_and_forgets_them_afterwards() -> None:
    state = noted(fill("-1", "a"), fill("-1", "b"), fill("-1", "c", minute=10))

    rests = [Breaker().is_resting(minute * MINUTE_NS, state) for minute in (10, 24, 25, 26)]

    assert rests == [True, True, False, False]


def test_the_fills_of_one_order_are_one_loss_and_a_win_ends_the_row() -> None:
    in_parts = noted(fill("-1", "a"), fill("-1", "a"), fill("-1", "a"))
    with_a_win = noted(fill("-1", "a"), fill("-1", "b"), fill("2", "c"), fill("-1", "d"), fill(None, "e"))
    saved_at_last = noted(fill("-1", "a"), fill("-1", "b"), fill("-1", "c"), fill("3", "c"))

    assert [Breaker().is_resting(0, state) for state in (in_parts, with_a_win, saved_at_last)] == [False] * 3


def test_a_cooldown_is_of_one_symbol() -> None:
    state: dict[str, Any] = {}
    begin_cooldown("BTC/USD", 0, state)

    assert is_cooling("BTC/USD", 10, 9_999_999_999, state)
    assert not is_cooling("BTC/USD", 10, 10_000_000_000, state)
    assert not is_cooling("XRP/USD", 10, 1, state)


def test_a_target_must_pay_both_fees_and_leave_something() -> None:
    assert FeeCheck(min_net_pct=0.05).refusal(0.86, 0.8) is None
    refusal = FeeCheck(min_net_pct=0.05).refusal(0.84, 0.8)
    assert refusal is not None
    assert (refusal.code, refusal.detail) == ("fee_unprofitable", "0.04 % would be left of 0.84 %")
    assert FeeCheck(is_on=False).refusal(0, 0.8) is None


@pytest.mark.parametrize(
    ("hour", "session"),
    [(0, "asia"), (7, "asia"), (8, "europe"), (13, "europe"), (14, "overlap"), (16, "overlap"), (17, "america"),
     (20, "america"), (21, "off"), (23, "off")],
)  # fmt: skip
def test_the_sessions_follow_the_hours_of_utc(hour: int, session: str) -> None:
    moment = datetime(2026, 7, 8, hour, 59, tzinfo=UTC)

    assert session_at(moment) is Session(session)
    assert Sessions(**{session: 0.5}).at(moment) == 0.5
    assert Sessions(**{session: 0.5}, is_on=False).at(moment) == 1


@pytest.mark.parametrize(
    ("wobble_pct", "kind", "threshold", "size", "is_paused"),
    [(0.2, "low", 0.9, 1, False), (0.5, "medium", 1, 1, False), (1.0, "high", 1.3, 0.8, False),
     (2.0, "extreme", 1.5, 0.5, True)],
)  # fmt: skip
def test_volatility_widens_thresholds_and_cuts_sizes(wobble_pct, kind, threshold, size, is_paused) -> None:
    stage = Stage("mean_reversion").past(
        "BTC/USD", "1m", [60_000 * (1 + wobble_pct / 100 * (n % 2)) for n in range(30)]
    )
    stage.wait(1)
    series = stage.market.snapshot().candles("BTC/USD", "1m")

    assert Volatility().at(series) == (Kind(kind), threshold, size, is_paused)
    assert Volatility(is_on=False).at(series).threshold == 1


def test_volatility_bounds_must_rise() -> None:
    with pytest.raises(ValueError, match=r"volatility bounds are 1\.0, 0\.8, 1\.5; expected each above the one before"):
        Volatility(low_below_pct=1.0)


@pytest.mark.parametrize(
    ("flow", "agrees", "allows"),
    [(TradeFlow(60, 40), True, True), (TradeFlow(55, 45), False, True), (TradeFlow(45, 55), False, True),
     (TradeFlow(44, 56), False, False), (None, False, True)],
)  # fmt: skip
def test_the_tape_agrees_strictly_and_objects_leniently_either_way_round(flow, agrees, allows) -> None:
    rule, mirrored = Flow(threshold=0.1), None if flow is None else TradeFlow(flow.sold, flow.bought)

    assert (rule.agrees(Side.BUY, flow), rule.allows(Side.BUY, flow)) == (agrees, allows)
    assert (rule.agrees(Side.SELL, mirrored), rule.allows(Side.SELL, mirrored)) == (agrees, allows)
    assert Flow(is_on=False).agrees(Side.BUY, TradeFlow(0, 1))
    assert Flow(is_on=False).allows(Side.BUY, TradeFlow(0, 1))


def test_fewer_than_five_prints_say_nothing() -> None:
    stage = Stage("mean_reversion")
    stage.trade("BTC/USD", times=4)
    assert Flow().at(stage.market.snapshot(), "BTC/USD") is None

    stage.trade("BTC/USD", side="sell", times=12)
    everything, newest = (Flow(prints=n).at(stage.market.snapshot(), "BTC/USD") for n in (50, 5))
    assert everything is not None
    assert newest is not None
    assert (everything.imbalance, newest.imbalance) == (-0.5, -1)


def holding(**values: float) -> Any:
    """Return data of an account that holds so much of each symbol, in account currency."""
    held = {symbol.replace("_", "/").upper(): value for symbol, value in values.items()}
    return SimpleNamespace(
        symbols=("BTC/USD", "XRP/USD"), portfolio=SimpleNamespace(value=lambda symbol: held.get(symbol, 0.0))
    )


@pytest.mark.parametrize(
    ("held", "wanted", "size"),
    [({}, 20, 20), ({"btc_usd": 40}, 20, 10), ({"btc_usd": 46}, 20, "max_position"), ({"xrp_usd": -92}, 20, 8),
     ({"xrp_usd": 96}, 20, "max_position"), ({}, 4, "insufficient_size"), ({"btc_usd": -40}, 50, 50)],
)  # fmt: skip
def test_a_size_is_cut_to_what_the_limits_leave(held, wanted, size) -> None:
    given = Limits(total_usd=100).size(holding(**held), "BTC/USD", Side.BUY, wanted, per_symbol_usd=50)

    assert (given.code if isinstance(given, NoSignal) else given) == size


@pytest.mark.parametrize(
    ("held", "side", "size"),
    [({}, "buy", 40), ({"xrp_usd": 50}, "buy", 30), ({"xrp_usd": -50}, "buy", 40), ({"xrp_usd": 90}, "buy", 10),
     ({"xrp_usd": -90}, "sell", 0), ({"btc_usd": 80}, "buy", 20)],
)  # fmt: skip
def test_what_is_held_the_same_way_cuts_a_size(held, side, size) -> None:
    exposure = Exposure(max_long_usd=100, max_short_usd=80, same_direction_size=0.75)

    assert exposure.size(holding(**held), "BTC/USD", Side(side), 40) == size
    assert Exposure(is_on=False).size(holding(xrp_usd=1_000), "BTC/USD", Side.BUY, 40) == 40


def test_a_symbol_that_moves_with_what_is_held_is_blocked() -> None:
    stage = Stage("buy_and_hold", ("XRP/USD",))
    for symbol in ("XRP/USD", "BTC/USD"):
        stage.past(symbol, "5m", [PRICES[symbol] * (1 + 0.001 * (n * n % 7)) for n in range(30)])
    for _ in range(3):
        stage.trade("XRP/USD")
    data = seen_by(stage.engine, ("XRP/USD", "BTC/USD"), stage.market.snapshot())
    assert data.portfolio.value("XRP/USD") > 0

    assert Correlated().multiplier(data, "BTC/USD", Side.BUY) == 0
    assert Correlated().multiplier(data, "BTC/USD", Side.SELL) == 1
    assert Correlated(is_on=False).multiplier(data, "BTC/USD", Side.BUY) == 1


@pytest.mark.parametrize(
    ("held", "prices", "hit_at"),
    [(long(), [100, 100.3, 99], None), (long(), [100, 101, 100.8, 100.69], 3), (short(), [100, 99, 99.2, 99.3], 3),
     (short(), [100, 99.7, 101], None)],
)  # fmt: skip
def test_a_trailing_stop_is_armed_by_a_gain_and_follows_the_best_price(held, prices, hit_at) -> None:
    state: dict[str, Any] = {}

    hits = [Trailing(activation_pct=0.4, distance_pct=0.3).is_hit(held, price, state) for price in prices]

    assert hits == [at == hit_at for at in range(len(prices))]


def test_the_best_price_of_one_position_is_none_of_the_next() -> None:
    state: dict[str, Any] = {}
    Trailing().is_hit(long(), 110, state)

    assert not Trailing().is_hit(long(opened_minute=5), 100, state)


@pytest.mark.parametrize(
    ("age", "price", "is_due"),
    [
        (19.9, 101.9, False),
        (20, 101.69, False),
        (20, 101.7, True),
        (27, 101.4, True),
        (60, 101, True),
        (60, 100.9, False),
    ],
)
def test_an_old_position_is_content_with_less(age, price, is_due) -> None:
    assert Decay().is_due(long(), price, 2.0, int(age * MINUTE_NS)) is is_due
    assert not Decay(is_on=False).is_due(long(), price, 2.0, int(age * MINUTE_NS))


def test_stages_of_decay_must_rise_in_age() -> None:
    with pytest.raises(ValueError, match="expected rising ages in minutes with shares from 0 to 1"):
        Decay(stages=((20, 0.5), (10, 0.4)))


def test_an_entry_has_its_stop_below_and_its_target_above_or_mirrored() -> None:
    bought = enter(Side.BUY, "BTC/USD", 20, 100, stop_pct=1, target_pct=2, reason="r")
    shorted = enter(Side.SELL, "BTC/USD", 20, 100, stop_pct=1, target_pct=2, take_profit=97)

    assert (bought.action, bought.stop_loss, bought.take_profit) == (Action.BUY, 99, 102)
    assert (shorted.action, shorted.stop_loss, shorted.take_profit) == (Action.SHORT, 101, 97)
    assert bought.size_in is SizeUnit.ACCOUNT


def test_leaving_sells_a_long_and_covers_a_short() -> None:
    assert leave(long(), reason="r", code="c").action is Action.SELL
    assert leave(short(), reason="r", code="c").action is Action.COVER
    assert (gain_pct(long(), 101), gain_pct(short(), 101)) == (pytest.approx(1), pytest.approx(-1))


def test_the_tape_cools_until_so_many_prints_have_followed_an_entry_however_many_it_remembers() -> None:
    stage, state = Stage("mean_reversion"), {}
    stage.trade("BTC/USD", times=1_200)
    assert not is_tape_cooling(stage.market.snapshot(), "BTC/USD", 10, state)

    begin_cooldown("BTC/USD", stage.now_ns, state)
    cools = []
    for _ in range(3):
        stage.trade("BTC/USD", times=5)
        cools.append(is_tape_cooling(stage.market.snapshot(), "BTC/USD", 10, state))

    assert cools == [True, False, False]
    assert not is_tape_cooling(stage.market.snapshot(), "BTC/USD", 0, state)
    assert not is_tape_cooling(stage.market.snapshot(), "XRP/USD", 10, state)


def test_an_order_to_close_is_on_its_way_until_it_fills_and_a_stop_that_rests_is_none() -> None:
    stage = Stage("random_trader", terms={"latency_ms": 300}, trades_per_minute=60, stop_loss_pct=5)

    def leaves() -> bool:
        return is_leaving(seen_by(stage.engine, ("BTC/USD",), stage.market.snapshot()), "BTC/USD")

    def has_said(action: Action) -> bool:
        return any(isinstance(said, Signal) and said.action is action for said in stage.said)

    wait_until(stage, lambda: stage.holding("BTC/USD") is not None)
    assert not leaves()
    wait_until(stage, lambda: has_said(Action.SELL))
    assert leaves()
    wait_until(stage, lambda: stage.holding("BTC/USD") is None)
    assert not leaves()


def wait_until(stage: Stage, is_so: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if is_so():
            return
        stage.wait(0.1)
    raise AssertionError("it did not happen within a hundred seconds")


class Seen(NamedTuple):
    close: float


def test_a_candle_is_looked_at_once_even_by_one_who_was_restarted() -> None:
    state: dict[str, Any] = {}
    first = look_once("BTC/USD", 5, state, Seen, lambda: Seen(1.0))
    state = unpack_state(pack_state(state))

    again = look_once("BTC/USD", 5, state, Seen, lambda: Seen(2.0))
    later = look_once("BTC/USD", 10, state, Seen, lambda: Seen(3.0))

    assert (first, again.close, later.close) == (Seen(1.0), 1.0, 3.0)


def test_what_candles_show_has_one_entry_for_each_symbol() -> None:
    state: dict[str, Any] = {}
    begin_entry("BTC/USD", 5, state)

    assert has_entered("BTC/USD", 5, state)
    assert not has_entered("BTC/USD", 10, state)
    assert not has_entered("XRP/USD", 5, state)


@pytest.mark.parametrize(
    ("held", "wanted", "given"),
    [({}, 40, 40), ({}, 60, 50), ({"xrp_usd": 40}, 40, 20), ({"btc_usd": 47}, 40, "max_position"),
     ({"xrp_usd": 57}, 40, "correlation_limit"), ({"xrp_usd": -40}, 40, 40)],
)  # fmt: skip
def test_an_entry_is_what_all_limits_leave(held, wanted, given) -> None:
    rules = {"limits": Limits(), "exposure": Exposure(max_long_usd=60), "correlated": Correlated(is_on=False)}

    size = size_within(holding(**held), "BTC/USD", Side.BUY, wanted, per_symbol_usd=50, **rules)

    assert (size.code if isinstance(size, NoSignal) else size) == given


def test_an_order_to_leave_is_under_way_but_stop_and_target_only_wait() -> None:
    orders = [SimpleNamespace(purpose="stop_loss"), SimpleNamespace(purpose="take_profit")]
    data: Any = SimpleNamespace(portfolio=SimpleNamespace(open_orders=lambda symbol: orders))
    waiting = is_leaving(data, "BTC/USD")
    orders.append(SimpleNamespace(purpose="exit"))

    assert (waiting, is_leaving(data, "BTC/USD")) == (False, True)
