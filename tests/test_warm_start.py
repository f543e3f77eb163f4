"""A fresh install asks a strategy that needs a day of history within half a minute, with the real processes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from marketdata import bus
from marketdata.models import Candle
from marketdata.selectors import market_at
from portfolios.models import Fill
from strategies.league.files import DeploymentEntry, LeagueFile, load_league
from strategies.versions import registry
from tests.processes import running, wait_until
from trading.candles import TIMEFRAME_MINUTES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
STRATEGY = '''
"""Buys once, and says how much history it was shown."""

from trading.signals import Signal

STRATEGY_NAME = "needs_history"
STRATEGY_VERSION = "1.0.0"
SYMBOLS = ["BTC/USD"]
CONFIG = {}
WARMUP = {"5m": 310}


def generate_signal(data, config, state):
    if state.get("bought"):
        return None
    state["bought"] = True
    return Signal(action="buy", symbol="BTC/USD", size=20.0, reason=f"{len(data.candles('BTC/USD', '5m'))} candles")
'''


def test_a_fresh_install_asks_a_strategy_that_needs_310_candles_within_30_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    bus.redis_client().flushall()
    (tmp_path / "needs_history.py").write_text(STRATEGY)
    monkeypatch.setenv("STRATEGY_PATHS", str(tmp_path))
    settings.STRATEGY_PATHS = [tmp_path]
    registry.rescan()
    load_league(LeagueFile(deployments=[DeploymentEntry(slug="patient", strategy="needs_history")]), by="test")
    log = tmp_path / "log"

    began = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(running("manage.py", "run_worker", log=log))
        stack.enter_context(running("manage.py", "run_feed", "--source", "simulated", log=log))
        wait_until(Fill.objects.exists, "a fill of the strategy", log)
        took_s = time.monotonic() - began
        wait_until(lambda: Candle.objects.filter(timeframe="1d", sequence__gt=0).exists(), "days of history", log)
    bus.redis_client().flushall()
    registry.rescan()

    assert took_s < 30, log.read_text()
    assert Fill.objects.get().reason == "720 candles"
    market, _ = market_at("simulated:1", None)
    assert {tf: len(market.snapshot().candles("BTC/USD", tf)) >= 10 for tf in TIMEFRAME_MINUTES} == dict.fromkeys(
        TIMEFRAME_MINUTES, True
    )
