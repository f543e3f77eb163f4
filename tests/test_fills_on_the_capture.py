"""Fills on the real capture: each can be derived from its evidence, and the models are as generous as they say."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from marketdata.recording.reading import recorded_frames
from strategies.league.files import deployment_fields
from strategies.league.replay import new_engine
from strategies.models import Deployment
from tests.leagues import CAPTURE, restless_league
from trading.engine import Engine, Terms
from trading.exchange.evidence import rederived
from trading.fills import Fill
from trading.frames import Frame
from trading.market import Market
from trading.signals import NoSignal, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Strategy


@cache
def frames() -> tuple[Frame, ...]:
    return tuple(recorded_frames(CAPTURE))


def traded(engines: list[Engine]) -> list[Fill]:
    market, fills = Market(), []
    for frame in frames():
        market.fold(frame)
        for engine in engines:
            fills += engine.process(frame, market.snapshot()).fills
    return fills


def test_every_fill_on_the_capture_can_be_derived_from_its_evidence() -> None:
    fills = traded([new_engine(Deployment(**deployment_fields(e))) for e in restless_league().deployments])

    assert len(fills) > 40
    assert [fill.fill_id for fill in fills if not rederived(fill).is_verified] == []


def orders(data: DataSnapshot, config: Any, state: dict[str, Any]) -> list[Signal] | NoSignal:
    """Join the best bid every two seconds, sell into the best ask: the same list whatever was filled."""
    state["frame"] = state.get("frame", 0) + 1
    if state["frame"] % 20 != 1:
        return NoSignal("waiting")
    symbol = data.symbols[0]
    bid = data.bids(symbol)[0].price
    ask = data.asks(symbol)[0].price
    return [
        Signal.buy(symbol, 15, order_type="limit", limit_price=bid),
        Signal.buy(symbol, 15, order_type="limit", limit_price=ask, time_in_force="ioc"),
    ]


@pytest.mark.parametrize("symbol", ["BTC/USD", "ETH/USD"])
def test_the_models_grant_the_less_the_more_cautious_they_are(symbol: str) -> None:
    granted: dict[str, Decimal] = {}
    for model in ("optimistic", "realistic", "pessimistic"):
        strategy = Strategy(name="list", version="1", symbols=(symbol,), generate_signal=orders)
        terms = Terms(slug="list", symbols=(symbol,), stake=Decimal(10_000), fill_model=model)
        granted[model] = sum((fill.qty for fill in traded([Engine(strategy, {}, terms)])), Decimal(0))

    assert granted["optimistic"] >= granted["realistic"] >= granted["pessimistic"]
    assert granted["optimistic"] > granted["pessimistic"] > 0
