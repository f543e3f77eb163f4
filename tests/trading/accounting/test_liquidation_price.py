"""The price of one instrument at which the lender closes positions, when nothing else moves."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.desk import Desk, lending
from tests.drawing import Scene, instrument
from tests.laws import law
from tests.making import make_strategy, make_terms
from tests.markets import PAIRS, Violent, give_orders
from trading.accounting.liquidation_price import liquidation_price
from trading.book import BookTop, Level
from trading.engine import Engine
from trading.frames import Frame
from trading.market import Market

AROUND_100 = "101 x 900000\n---\n99 x 900000"


def price_of(desk: Desk, symbol: str = "XRP/USD") -> D | None:
    return liquidation_price(desk.engine.account, symbol, desk.snapshot)


def test_a_long_on_margin_is_closed_a_tick_below_the_level() -> None:
    # 12 bought at 101 with 1,000 of its own: equity 1,000 - 1,212 + 12 p - fees; closed below a quarter of 12 p,
    # or below 40 % of the 808 that the loan binds.
    desk = Desk(AROUND_100)
    desk.trade("buy", 12, leverage="1.5")
    fees = 1212 * (D("0.004") + D("0.00025"))
    by_value = (1212 + fees - 1000) / 9
    by_level = (1212 + fees - 1000 + 808 * D("0.4")) / 12

    assert by_level > by_value
    assert price_of(desk) == int(by_level)


def test_a_short_is_closed_above() -> None:
    # 10 sold at 99: equity 1,000 + 990 - 10 p - fees, closed below a quarter of 10 p.
    desk = Desk(AROUND_100)
    desk.trade("sell", 10, leverage=2)
    fees = 990 * (D("0.004") + D("0.0002"))
    by_value = (1990 - fees) / D("12.5")

    assert price_of(desk) == int(by_value) + 1


def test_an_account_without_debts_has_none() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 5)

    assert price_of(desk) is None


def test_a_loan_that_the_rest_of_the_account_secures_at_any_price_has_none() -> None:
    desk = Desk(AROUND_100)
    desk.trade("buy", 1, leverage="1.5")

    assert price_of(desk) is None


def test_an_account_that_is_below_the_level_already_has_none() -> None:
    desk = Desk(AROUND_100, margin=lending(stop_level_pct=D(80), call_level_pct=D(80)))
    desk.trade("sell", 10, leverage=2)
    desk.engine.account.state.balances["USD"] -= 900

    assert price_of(desk) is None


def test_what_an_instrument_leads_to_counts_with_it() -> None:
    # Bought with dollars that are lent, in an account of bitcoin: a falling BTC/USD makes the debt dearer in bitcoin.
    scene = Scene(instrument("BTC/USD", price_decimals=2), instrument("ETH/USD", price_decimals=2))
    books = {"BTC/USD": "6000100 x 90000\n---\n5999900 x 90000", "ETH/USD": "200100 x 900000\n---\n199900 x 900000"}
    desk = Desk(books, scene=scene, symbols=("ETH/USD", "BTC/USD"), stake=D(1), currency="BTC", funding_currency="BTC")
    desk.trade("buy", 40, leverage="1.5", symbol="ETH/USD")

    closing = price_of(desk, "ETH/USD")

    assert closing is not None
    assert _closes(desk.engine, scene.market, "ETH/USD", closing)
    assert not _closes(desk.engine, scene.market, "ETH/USD", closing + D("0.01"))


markets = st.builds(Violent, st.integers(0, 2**32), st.integers(8, 30))


@law
@given(markets, st.integers(0, 2**32), st.sampled_from(["USD", "BTC"]))
def test_at_that_price_the_account_is_closed_and_a_tick_before_it_is_not(frames: Any, seed: int, funding: str) -> None:
    strategy = make_strategy(lambda data, config, state: None, symbols=tuple(p.symbol for p in PAIRS))
    terms = make_terms(symbols=strategy.symbols, stake=D(100), funding_currency=funding)
    engine, market = Engine(strategy, {}, terms), Market()
    for frame in frames:
        market.fold(frame)
        if engine.account.is_funded:
            give_orders(engine, seed, market.snapshot())
        engine.process(frame, market.snapshot())
    snapshot = market.snapshot()
    found = {s: p for s in strategy.symbols if (p := liquidation_price(engine.account, s, snapshot)) is not None}
    assume(found)

    for symbol, price in found.items():
        tick = snapshot.instrument(symbol).price(1)
        before = price + tick if engine.account.position(symbol).lots > 0 else price - tick
        assert _closes(engine, market, symbol, price, slack=1)
        assert not _closes(engine, market, symbol, before, slack=-1)


def _closes(engine: Engine, market: Market, symbol: str, price: D, slack: int = 0) -> bool:
    """Return whether the lender would close positions were the mid of ``symbol`` at ``price``, all else as it is.

    ``slack`` forgives so many quintillionths of the equity: what rounding may have cost.
    """
    moved = Market()
    snapshot = market.snapshot()
    ticks = snapshot.instrument(symbol).ticks(price)
    books = {s: top for s in snapshot.instruments if (top := snapshot.top_or_none(s)) is not None}
    books[symbol] = BookTop((Level(ticks - 1, 10),), (Level(ticks + 1, 10),))
    moved.fold(
        Frame(
            sequence=snapshot.sequence,
            time_ns=snapshot.time_ns,
            books=books,
            system="online",
            statuses=dict.fromkeys(snapshot.instruments, "online"),
            instruments=tuple(snapshot.instruments.values()),
            is_keyframe=True,
        )
    )
    standing = engine.account.buying_power.standing(moved.snapshot())
    assert standing is not None
    forgiven = standing.equity - slack * abs(standing.equity) * D("1e-18")
    return type(standing)(forgiven, standing.used, standing.value).is_stopped(engine.account.terms)
