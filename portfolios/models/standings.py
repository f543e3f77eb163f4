"""State, derived from facts and kept for reading: balances, positions, equity points, standings, shadows."""

from __future__ import annotations

from django.db import models

from portfolios.models.accounts import Account
from portfolios.models.columns import money


class Balance(models.Model):
    """What an account holds and owes of one currency: the sums of its ledger entries, kept for reading."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="balances")
    currency = models.CharField(max_length=10)
    amount = money(help_text="held, never below zero")
    owed = money(default=0, help_text="of all loans, never below zero")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "currency"), name="one_balance_per_currency"),)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Position(models.Model):
    """What an account holds through one instrument."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="positions")
    symbol = models.CharField(max_length=30)
    qty = money(help_text="base units, signed; zero when flat")
    average_price = money(help_text="quote per base, fees left out; zero when flat")
    fees = money(help_text="quote, of the open round trip")
    leverage = money(null=True, blank=True, help_text="of what is borrowed for it; empty: nothing is")
    margin = money(default=0, help_text="quote, the collateral that its loans bind")
    borrowed = money(default=0, help_text="of the quote when long, of the base when short")
    mae = money(null=True, blank=True, help_text="quote: what the open round trip had lost at mid at its worst")
    mfe = money(null=True, blank=True, help_text="quote: what it had gained at mid at its best")
    mark_price = money(null=True, blank=True, help_text="quote per base, mid as of `as_of`; empty when flat or unknown")
    unrealised = money(null=True, blank=True, help_text="account currency, at mid, fees of what is open included")
    liquidation_price = money(
        null=True, blank=True, help_text="at which the lender closes, all other prices as they are; empty: at none"
    )
    as_of = models.DateTimeField(null=True, blank=True, help_text="the market's clock, of the five before this")
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "symbol"), name="one_position_per_symbol"),)

    def __str__(self) -> str:
        return f"{self.qty} {self.symbol}"


class EquityPoint(models.Model):
    """What the account was worth at one moment, and what it had come to by then.

    The figures after ``mid_equity`` are the standing's as of that moment: what lies between two moments is
    their difference. Points that were written before the figures were kept have none.
    """

    # These two are the key, and its index the only one: of all tables this one grows fastest.
    pk = models.CompositePrimaryKey("account", "time")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="equity_points", db_index=False)
    time = models.DateTimeField()
    equity = money(help_text="account currency: every position closed against the book, less the taker fee")
    mid_equity = money(help_text="account currency, at mid prices, no fee")
    stake = money(null=True, help_text="all that had been paid in, less what had been taken out")
    paid_in = money(null=True, help_text="all that had ever been paid in")
    realised = money(null=True)
    fees = money(null=True)
    exposure = money(null=True)
    drawdown_pct = money(null=True, help_text="below the peak then, percent")
    max_drawdown_pct = money(null=True, help_text="worst below a peak by then, percent")
    fills = models.PositiveIntegerField(null=True)
    round_trips = models.PositiveIntegerField(null=True)
    wins = models.PositiveIntegerField(null=True)


class Standing(models.Model):
    """An account's row on the leaderboard, as of the frame ``sequence``; all money in the account's currency."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="standing")
    equity = money()
    mid_equity = money()
    realised = money(help_text="of reductions and round trips, fees included")
    unrealised = money(help_text="equity less stake less realised")
    stake = money(help_text="all that was paid in, less what was taken out")
    paid_in = money(help_text="all that was ever paid in; returns are in percent of it")
    fees = money(help_text="of every kind, interest included")
    interest = money(default=0, help_text="the part of the fees that lending cost")
    exposure = money(help_text="value of all positions at mid, longs and shorts never netted")
    short_exposure = money(default=0, help_text="the part of it that is sold short")
    owed = money(default=0, help_text="all loans, at mid")
    used_margin = money(default=0, help_text="collateral that loans bind")
    margin_level_pct = money(null=True, blank=True, help_text="equity in percent of it; empty while none is used")
    call_level_pct = money(null=True, blank=True, help_text="the level at which margin is called")
    closing_level_pct = money(null=True, blank=True, help_text="the level below which positions are closed")
    is_called = models.BooleanField(default=False, help_text="margin was called and has not been restored")
    bankrupt_at = models.DateTimeField(null=True, blank=True, help_text="when less than nothing was left")
    peak_equity = money()
    drawdown_pct = money(help_text="below the peak now, percent")
    max_drawdown_pct = money(help_text="worst below a peak, percent")
    fills = models.PositiveIntegerField(default=0)
    round_trips = models.PositiveIntegerField(default=0)
    wins = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    last_fill_at = models.DateTimeField(null=True, blank=True)
    why = models.JSONField(default=dict, help_text="why it did not trade: code -> times")
    indicators = models.JSONField(default=dict, help_text="what the strategy shows of its last evaluation")
    indicators_at = models.DateTimeField(null=True, blank=True, help_text="when that was, by the market's clock")
    sequence = models.BigIntegerField()
    as_of = models.DateTimeField(help_text="the market's clock")

    def __str__(self) -> str:
        return f"{self.account.slug}: {self.equity}"


class OpenOrders(models.Model):
    """Why the live orders of an account are not filled yet, as of its last valuation: at most once a second."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="open_orders")
    waiting = models.JSONField(default=dict, help_text="order id -> what it waits for")
    as_of = models.DateTimeField(help_text="the market's clock")

    def __str__(self) -> str:
        return f"{len(self.waiting)} of account {self.account_id}"


class Shadow(models.Model):
    """How an account would stand had its deployment run another fill model since ``since``.

    Its orders, fills and ledger are not kept. The row goes when the shadow is switched off.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="shadows")
    fill_model = models.CharField(max_length=20)
    since_sequence = models.BigIntegerField(help_text="the last frame in common with the account")
    since = models.DateTimeField(null=True, help_text="the market's clock; empty until it has been valued")
    since_equity = money(null=True, help_text="of account and shadow at the fork; empty until it has been valued")
    since_result = money(default=0, help_text="equity less stake, of account and shadow at the fork")
    equity = money(null=True, help_text="empty until it has been valued")
    mid_equity = money(null=True)
    result = money(null=True, help_text="equity less stake")
    fees = money(default=0, help_text="those of the account before the fork included, as in all counts")
    max_drawdown_pct = money(default=0)
    fills = models.PositiveIntegerField(default=0)
    round_trips = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0, help_text="that the strategy raised since the fork")
    as_of = models.DateTimeField(null=True, help_text="the market's clock")
    sequence = models.BigIntegerField(help_text="the cursor of ``checkpoint``, always the account's own")
    checkpoint = models.BinaryField()

    class Meta:
        ordering = ("account", "fill_model")
        constraints = (models.UniqueConstraint(fields=("account", "fill_model"), name="one_shadow_per_fill_model"),)

    def __str__(self) -> str:
        return f"{self.account_id} under {self.fill_model}"


class ReasonCount(models.Model):
    """How often each reason not to trade had been given in all when an hour of market time ended."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="reason_counts")
    hour_end = models.DateTimeField()
    counts = models.JSONField(help_text='"code" or "code SYMBOL" -> times, since the account was opened')

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "hour_end"), name="one_reason_count_per_hour"),)

    def __str__(self) -> str:
        return f"account {self.account_id} until {self.hour_end}"


class InstrumentFigures(models.Model):
    """What an account has done through one instrument. The rows of an account add up to its standing."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="instruments")
    symbol = models.CharField(max_length=30)
    fills = models.PositiveIntegerField()
    volume = money(help_text="quote that changed hands")
    fees = money(help_text="account currency, of every kind, each at the rate of its moment")
    interest = money(help_text="account currency, the part of the fees that lending cost")
    realised = money(help_text="account currency, against average cost, fees included")
    realised_quote = money(help_text="the same in quote")
    first_in_realised_quote = money(help_text="quote, the first in taken as the first out; equal when flat")
    round_trips = models.PositiveIntegerField()
    wins = models.PositiveIntegerField()
    won = money(help_text="account currency, results of the round trips above zero")
    lost = money(help_text="account currency, of those below; never negative")

    class Meta:
        verbose_name_plural = "instrument figures"
        constraints = (models.UniqueConstraint(fields=("account", "symbol"), name="one_row_per_instrument"),)

    def __str__(self) -> str:
        return f"{self.account_id} in {self.symbol}"
