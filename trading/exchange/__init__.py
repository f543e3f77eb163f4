"""The paper exchange: rules, matching, and the facts that come of it."""

from trading.exchange.consumed import SharedBook
from trading.exchange.matching import PaperExchange
from trading.exchange.state import ExchangeState

__all__ = ["ExchangeState", "PaperExchange", "SharedBook"]
