"""The contents of the guide for strategy authors."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from dashboard.deployment.reasons import BY_ENGINE, BY_RULES
from dashboard.guide.contract import Entry, chapters_of, fields_of, members_of
from strategies import authoring
from strategies.library import _rules
from strategies.versions.files import MOST_BYTES, MOST_FILES
from trading import engine, indicators
from trading.candles import SERIES_CAPACITY, TIMEFRAME_MINUTES, Candle, CandleSeries
from trading.fills import Fill
from trading.market_snapshot import MarketSnapshot
from trading.portfolio import Holding, OpenOrder, Portfolio
from trading.signals import Action, Amend, Cancel, NoSignal, OrderType, Signal, SizeUnit, TimeInForce
from trading.snapshot import TAPE_LENGTH, DataSnapshot, Print, Quote
from trading.strategy import MAX_SIGNALS, Strategy

# Where a module declares each field of a Strategy; fields missing here follow from the file's place.
DECLARED = {
    "name": "STRATEGY_NAME",
    "version": "STRATEGY_VERSION",
    "symbols": "SYMBOLS",
    "generate_signal": "generate_signal(data, config, state)",
    "config_type": "Config",
    "defaults": "CONFIG",
    "on_start": "on_start(config, state)",
    "on_fill": "on_fill(fill, state)",
    "on_stop": "on_stop(state)",
    "trigger": "TRIGGER",
    "warmup": "WARMUP",
    "category": "CATEGORY",
    "is_benchmark": "IS_BENCHMARK",
    "description": "the docstring",
}


@lru_cache(maxsize=1)
def guide() -> dict[str, Any]:
    """Return the page's contents; the code does not change while it runs."""
    return {
        "module": [(DECLARED.get(entry.name, ""), entry) for entry in fields_of(Strategy)],
        "strategy_methods": members_of(Strategy),
        "signal": fields_of(Signal),
        "signal_methods": members_of(Signal),
        "words": [
            (kind.__name__, kind.__doc__, fields_of(kind)) for kind in (Action, OrderType, TimeInForce, SizeUnit)
        ],
        "returned": [(kind.__name__, kind.__doc__, fields_of(kind)) for kind in (Cancel, Amend, NoSignal)],
        "data": [
            *(entry for kind in (DataSnapshot, MarketSnapshot) for entry in fields_of(kind)),
            *(entry for kind in (DataSnapshot, MarketSnapshot) for entry in members_of(kind)),
        ],
        "market_things": [_thing(kind) for kind in (CandleSeries, Candle, Print, Quote)],
        "portfolio": members_of(Portfolio),
        "account_things": [_thing(kind) for kind in (Holding, OpenOrder)],
        "fill": fields_of(Fill),
        "indicators": chapters_of(indicators),
        "rules": chapters_of(_rules),
        "codes": [*BY_ENGINE.items(), *BY_RULES.items()],
        "timeframes": list(TIMEFRAME_MINUTES),
        "candles_kept": SERIES_CAPACITY,
        "prints_kept": TAPE_LENGTH,
        "most_signals": MAX_SIGNALS,
        "most_errors": engine.MAX_ERRORS_IN_A_ROW,
        "most_files": MOST_FILES,
        "most_mib": MOST_BYTES // 1_024**2,
        "minimal": _source("minimal.py"),
        "full": [
            (name, _source(f"full/{name}")) for name in ("__init__.py", "config.py", "signals.py", "lifecycle.py")
        ],
    }


def _thing(kind: type) -> tuple[str, str, list[Entry]]:
    return kind.__name__, (kind.__doc__ or "").partition("\n")[0], [*fields_of(kind), *members_of(kind)]


def _source(name: str) -> str:
    return (Path(authoring.PATTERNS) / name).read_text().rstrip()
