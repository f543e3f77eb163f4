"""No-trade reasons: what the codes shared by many strategies mean, and their share of time."""

from __future__ import annotations

from dataclasses import dataclass

from portfolios.rows.reasons import Reason, Reasons

# Counted by the engine, before it evaluates the strategy or instead.
BY_ENGINE = {
    "no_data": "None of its symbols is known to the market.",
    "stale_data": "The order book of one of its symbols is stale.",
    "not_tradable": "The exchange or one of its symbols is not open for trading.",
    "no_valuation": "No price to convert a symbol into the account's currency.",
    "warming_up": "Not enough closed candles yet.",
    "bankrupt": "Loans exceed the account's assets: no more evaluations.",
    "no_signal": "No signal, no reason given.",
    "other": "Codes beyond the 200 most frequent, counted together: put numbers into the detail, not into the code.",
    "too_many_requests": "Cancel or amend not sent: too many are under way.",
    "no_such_order": "Cancel or amend of an order that is no longer open.",
}

# Given by the rules that strategies of the library share, and by most others.
BY_RULES = {
    "circuit_breaker": "Paused after consecutive losses.",
    "fee_unprofitable": "The target would not cover entry and exit fees.",
    "holding": "In a position, waiting for its exit.",
    "insufficient_size": "The size still available is below the minimum order.",
    "low_correlation": "Correlation of the two markets is too low.",
    "max_position": "Position limit reached.",
    "no_cross": "The moving averages have not crossed.",
    "no_shorts": "Short signal, but shorts are disabled in its config.",
    "no_signal_conditions": "Entry conditions not met.",
    "order_open": "An order is still in transit or open.",
    "regime_pause": "Volatility is outside its range.",
    "strong_trend_adx": "The trend is too strong to trade against.",
    "time_cooldown": "Cooldown after the last entry.",
    "trade_flow_not_aligned": "Trade flow points the other way.",
    "trending_market": "The market is trending; it trades mean reversion.",
}

_REFUSED = "refused_"


def why_sentence(code: str) -> str:
    """Return what a code means; empty for a code of the strategy's own."""
    if code.startswith(_REFUSED):
        return "Order rejected: see Rejected orders."
    return BY_ENGINE.get(code) or BY_RULES.get(code, "")


@dataclass(frozen=True, slots=True)
class ReasonShares:
    """A no-trade reason and its share of all that were counted in the same time; None: nothing was."""

    reason: Reason
    last_hour: float | None
    last_day: float | None
    total: float | None


def shares_of(reasons: Reasons) -> list[ReasonShares]:
    """Return the reasons in their order, each with its shares."""
    hour = sum(row.last_hour for row in reasons.rows)
    day = sum(row.last_day for row in reasons.rows)
    total = sum(row.total for row in reasons.rows)
    return [
        ReasonShares(row, _share(row.last_hour, hour), _share(row.last_day, day), _share(row.total, total))
        for row in reasons.rows
    ]


def _share(count: int, whole: int) -> float | None:
    return count / whole if whole else None
