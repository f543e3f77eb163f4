"""One deployment, one frame: the engine, the desk that turns signals into orders, and the commands of a person."""

from trading.engine.engine import MAX_ERRORS_IN_A_ROW, Engine
from trading.engine.outcome import Outcome, StrategyError
from trading.engine.state import EngineState, Terms

__all__ = ["MAX_ERRORS_IN_A_ROW", "Engine", "EngineState", "Outcome", "StrategyError", "Terms"]
