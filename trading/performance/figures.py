"""How an account has done, as of its last mark."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trading.accounting.account import Account
from trading.accounting.ledger import ZERO
from trading.accounting.state import Worth
from trading.accounting.valuation import mid_rate
from trading.market_snapshot import MarketSnapshot
from trading.minutes import DAY_NS
from trading.performance.drawdown import drawdown_pct, peak_after


class Figures(msgspec.Struct):
    """How the account has done; money in its currency. None until it could be valued."""

    equity: Decimal | None = None
    mid_equity: Decimal | None = None
    exposure: Decimal = ZERO
    owed: Decimal = ZERO  # all loans, at mid
    used_margin: Decimal = ZERO
    margin_level_pct: Decimal | None = None  # None while no margin is used
    call_level_pct: Decimal | None = None  # the level at which margin is called, at the prices of the last mark
    closing_level_pct: Decimal | None = None  # and below which positions are closed
    short_exposure: Decimal = ZERO  # the part of the exposure that is sold short
    stake: Decimal = ZERO  # what was paid in, less what was taken out, at the last mark
    peak_equity: Decimal = ZERO  # scaled with what is paid in and taken out: neither is a gain or a drawdown
    drawdown_pct: Decimal = ZERO
    max_drawdown_pct: Decimal = ZERO
    day: int = 0  # days since the epoch
    day_equity: Decimal = ZERO  # at the first mark of the day
    fills: int = 0
    refusals: int = 0
    last_fill_ns: int = 0

    def mark(self, account: Account, worth: Worth, snapshot: MarketSnapshot) -> None:
        """Take in what the account is worth now."""
        paid = self._paid(account)
        self.equity, self.mid_equity, self.exposure = worth.equity, worth.mid_equity, worth.exposure
        self.owed = worth.owed
        self._mark_margin(account, snapshot)
        day = snapshot.time_ns // DAY_NS
        if day != self.day:
            self.day, self.day_equity = day, worth.equity
        self.peak_equity = peak_after(self.peak_equity, worth.equity, paid)
        self.drawdown_pct = drawdown_pct(worth.equity, self.peak_equity)
        self.max_drawdown_pct = max(self.max_drawdown_pct, self.drawdown_pct)

    def _mark_margin(self, account: Account, snapshot: MarketSnapshot) -> None:
        self.used_margin, self.short_exposure = ZERO, ZERO
        self.margin_level_pct = self.call_level_pct = self.closing_level_pct = None
        if not account.state.loans:
            return
        standing = account.buying_power.standing(snapshot)
        assert standing is not None, "it was valued"
        self.used_margin, self.margin_level_pct = standing.used, standing.level_pct
        self.closing_level_pct = standing.closing_level_pct(account.terms)
        if self.closing_level_pct is not None:
            self.call_level_pct = max(account.terms.call_level_pct, self.closing_level_pct)
        for position in account.state.positions.values():
            if position.lots < 0:
                rate = mid_rate(snapshot, position.base, account.state.currency)
                assert rate is not None, "it was valued"
                self.short_exposure += snapshot.instrument(position.symbol).qty(-position.lots) * rate

    def _paid(self, account: Account) -> Decimal:
        """Return what was paid in (+) or out (-) since the last mark; the day's beginning moves with it.

        What an account begins with is no payment: it is its first peak.
        """
        paid = account.state.stake - self.stake
        if not paid:
            return ZERO
        is_first = not self.stake and len(account.state.payments) < 2
        self.stake = account.state.stake
        if is_first:
            self.peak_equity = max(self.peak_equity, self.stake)
            return ZERO
        self.day_equity += paid
        return paid
