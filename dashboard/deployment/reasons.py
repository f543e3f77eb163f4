"""What a reason not to trade means, for those codes that many strategies give; others speak for themselves."""

from __future__ import annotations

# Counted by the engine, before it asks the strategy or in its stead.
BY_ENGINE = {
    "no_data": "The market does not know any of its symbols.",
    "stale_data": "The book of one of its symbols is not known at the moment.",
    "not_tradable": "The exchange or one of its symbols is not open for trading.",
    "no_valuation": "A price is missing that tells what a symbol is worth in the account's currency.",
    "warming_up": "Fewer candles have closed than it needs.",
    "bankrupt": "The account owes more than it has: it is asked no more.",
    "no_signal": "It answered nothing, and no reason.",
    "no_such_order": "It wanted to cancel or amend an order that is not live any more.",
}

# Given by the rules that strategies of the library share, and by most others.
BY_RULES = {
    "circuit_breaker": "It rests after losses in a row.",
    "fee_unprofitable": "The target would not pay the fees of entry and exit.",
    "holding": "It holds a position and waits for its exit.",
    "insufficient_size": "What may still be bought is below the least that is worth an order.",
    "low_correlation": "The two markets do not move together enough.",
    "max_position": "It holds as much as it may through this symbol.",
    "no_cross": "The averages have not crossed.",
    "no_shorts": "It would sell short, which its config forbids.",
    "no_signal_conditions": "The conditions of an entry are not met.",
    "order_open": "An order of its own is still on the way or in the book.",
    "regime_pause": "Volatility is beyond what it trades in.",
    "strong_trend_adx": "The trend is too strong to trade against.",
    "time_cooldown": "The last entry is too short a time ago.",
    "trade_flow_not_aligned": "Public trades point the other way.",
    "trending_market": "The market trends, and it trades returns to the mean.",
}

_REFUSED = "refused_"


def why_sentence(code: str) -> str:
    """Return what a code means; empty when only the strategy knows."""
    if code.startswith(_REFUSED):
        return "It wanted to trade and was refused: the list of refused orders says why."
    return BY_ENGINE.get(code) or BY_RULES.get(code, "")
