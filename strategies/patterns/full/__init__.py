"""Buys a dip below the average of the last candles, and leaves at the average.

What it looks at: closed candles of one minute, and the price of the last print.
When it enters: the price is `dip_pct` below the average, and the last trade is `rest_s` ago.
When it leaves: at its stop or target, which the exchange keeps; or as soon as the price is
back at the average.
What it remembers, in `state`: when it last bought or sold, and how many round trips gained.

The files: `config.py` holds every number with bounds and help, `signals.py` decides,
`lifecycle.py` is called at the start and for every fill. `state["indicators"]` is what the
deployment's page shows; each `NoSignal` code is counted there. A file beside them that is not
Python, such as a model, is part of the version: declare `ASSETS: Mapping[str, bytes]` here, and
`ASSETS["model.onnx"]` holds its bytes.
"""

from .config import Config
from .lifecycle import on_fill, on_start
from .signals import generate_signal

STRATEGY_NAME = "full"
STRATEGY_VERSION = "1.0.0"
SYMBOLS = ["BTC/USD"]
TRIGGER = "frame"  # or "trade", or "candle:5m"
WARMUP = {"1m": 60}  # it is asked only once as many candles have closed

__all__ = ["SYMBOLS", "TRIGGER", "WARMUP", "Config", "generate_signal", "on_fill", "on_start"]
