"""The contract, on every strategy that is found; and that each enters, leaves and enters again."""

from __future__ import annotations

import json
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from strategies.versions import registry
from strategies.versions.loading import load
from tests.drawing import Scene, instrument
from tests.making import make_terms
from trading.engine import Engine, Outcome
from trading.strategy import InvalidConfig

NAMES = sorted(registry.found())
BTC = instrument("BTC/USD", price_decimals=1, qty_decimals=8, qty_min_lots=5000)


def engine_of(name: str, **config: Any) -> Engine:
    found = registry.strategy(name)
    terms = make_terms(slug=name.replace("_", "-"), symbols=("BTC/USD",), stake=D(100), latency_ms=0)
    return Engine(found, found.config(config), terms)


def play(engine: Engine, prices: list[float], frames_each: int = 1) -> list[Outcome]:
    """Show a thick book around each price in turn, with a print at it."""
    scene, outcomes = Scene(BTC), []
    for price in prices:
        ticks = int(price * 10)
        book = f"{ticks + 1} x 900000000\n---\n{ticks - 1} x 900000000"
        for _ in range(frames_each):
            frame, snapshot = scene.show(book, trades=f"buy {ticks} x 1000")
            outcomes.append(engine.process(frame, snapshot))
    return outcomes


def sides(outcomes: list[Outcome]) -> list[str]:
    return [fill.side.value for outcome in outcomes for fill in outcome.fills]


@pytest.mark.parametrize("name", NAMES)
def test_a_strategys_schema_describes_every_key_with_a_line_of_help(name: str) -> None:
    schema = registry.strategy(name).schema()

    properties = schema["properties"]

    assert properties
    assert all(p.get("description") for p in properties.values()), name
    assert json.dumps(schema, allow_nan=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_strategys_defaults_are_valid_and_unknown_keys_are_refused(name: str) -> None:
    found = registry.strategy(name)

    assert isinstance(found.config({}), msgspec.Struct)
    with pytest.raises(InvalidConfig, match="has no no_such_key; it has "):
        found.config({"no_such_key": 1})


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_neither_raises_nor_keeps_what_cannot_be_saved(name: str) -> None:
    engine = engine_of(name)

    outcomes = play(engine, [62_000 + 10 * (n % 9) for n in range(400)])

    assert [error.summary for outcome in outcomes for error in outcome.errors] == []
    assert Engine.resume(engine.strategy, engine.config, engine.terms, engine.checkpoint())


def test_buy_and_hold_buys_once_and_holds() -> None:
    outcomes = play(engine_of("buy_and_hold"), [62_000] * 50)

    assert sides(outcomes) == ["buy"]
    assert sum(fill.cost for outcome in outcomes for fill in outcome.fills) == pytest.approx(D(98), abs=D("0.05"))


def test_the_random_trader_enters_leaves_and_enters_again() -> None:
    assert sides(play(engine_of("random_trader", trades_per_minute=30), [62_000] * 600))[:4] == ["buy", "sell"] * 2


def test_the_random_traders_stop_and_target_are_kept_by_the_exchange() -> None:
    config = {"trades_per_minute": 60, "stop_loss_pct": 1, "take_profit_pct": 1}
    engine = engine_of("random_trader", **config)
    scene = Scene(BTC)
    book = "620001 x 900000000\n---\n619999 x 900000000"
    while not engine.open_orders:
        engine.process(*scene.show(book, trades="buy 620000 x 10"))
    while engine.account.position("BTC/USD").lots == 0:
        engine.process(*scene.show(book, trades="buy 620000 x 10"))

    purposes = {order.purpose.value for order in engine.open_orders.values()}

    assert {"stop_loss", "take_profit"} <= purposes


def test_ema_cross_buys_the_rise_sells_the_fall_and_buys_again() -> None:
    rise, fall = [60_000 + 200 * n for n in range(8)], [61_600 - 200 * n for n in range(8)]
    prices = [60_000.0] * 6 + rise + fall + rise

    outcomes = play(engine_of("ema_cross", fast=2, slow=4), prices, frames_each=600)

    assert sides(outcomes) == ["buy", "sell", "buy"]


def test_ema_cross_refuses_a_slow_average_that_is_not_slower() -> None:
    with pytest.raises(InvalidConfig, match="slow is 9; expected more than fast, which is 9"):
        registry.strategy("ema_cross").config({"slow": 9})


def test_the_readmes_strategy_is_found_and_trades(tmp_path, settings) -> None:
    readme = (settings.BASE_DIR / "README.md").read_text()
    (tmp_path / "cross.py").write_text(readme.split("```python")[1].split("```")[0])
    found = load(tmp_path / "cross.py")
    engine = Engine(found, found.config({}), make_terms(symbols=("BTC/USD",), stake=D(100), latency_ms=0))
    fall, rise = [62_000 - 20 * n for n in range(24)], [61_500 + 200 * n for n in range(6)]

    outcomes = play(engine, [*fall, *rise, *fall], frames_each=600)

    assert [error.summary for outcome in outcomes for error in outcome.errors] == []
    assert sides(outcomes)[:2] == ["buy", "sell"]
