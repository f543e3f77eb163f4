"""The paper exchange: rules, matching, and the facts that come of it."""

from trading.exchange.matching import ExchangeState, Matched, PaperExchange

__all__ = ["ExchangeState", "Matched", "PaperExchange"]
