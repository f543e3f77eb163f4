"""The rows of what is owned. Written by `portfolios.services` alone, read through `portfolios.selectors`.

Money and quantities are numeric(36, 18); times are UTC of the market's clock unless a field says otherwise.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """Return a field that holds any amount, price or quantity we trade, exactly."""
    return models.DecimalField(max_digits=36, decimal_places=18, **options)


class Season(models.Model):
    """A period of the league on one market. A reset ends it and begins the next; nothing is deleted."""

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    market = models.CharField(max_length=120, help_text="kraken, simulated:SEED or recording:NAME:HASH; never mixed")
    started_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="wall clock; empty while it runs")

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(models.Value(1), condition=Q(ended_at=None), name="one_season_runs_at_a_time"),
        )

    def __str__(self) -> str:
        return f"Season {self.number}: {self.name} on {self.market}"


class Account(models.Model):
    """One deployment's isolated money in one season."""

    season = models.ForeignKey(Season, on_delete=models.PROTECT, related_name="accounts")
    slug = models.SlugField(max_length=60, help_text="the deployment's slug")
    currency = models.CharField(max_length=10, default="USD", help_text="equity and results are told in it")
    cash = money(help_text="stake, in `currency`")
    funding_currency = models.CharField(
        max_length=10,
        default="USD",
        help_text="the stake is paid in as this currency, at the first mid price seen",
    )
    fee_schedule = models.CharField(max_length=60)
    fill_model = models.CharField(max_length=20, default="realistic")
    opened_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    first_sequence = models.BigIntegerField(default=0, help_text="frames up to this one are not the account's business")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="wall clock; empty while it trades")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("season", "slug"), condition=Q(closed_at=None), name="one_open_account_per_deployment"
            ),
        )

    def __str__(self) -> str:
        return f"{self.slug} (season {self.season_id})"


class Checkpoint(models.Model):
    """All that an engine needs to go on after ``sequence``: account, open orders, strategy state."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True)
    sequence = models.BigIntegerField(help_text="the last frame that is wholly accounted for: the cursor")
    payload = models.BinaryField()
    saved_at = models.DateTimeField(auto_now=True, help_text="wall clock")


class Order(models.Model):
    """What a strategy asked for, and what became of it."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    order_id = models.CharField(max_length=120)
    symbol = models.CharField(max_length=30)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=20)
    time_in_force = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    qty = money(help_text="base units")
    filled_qty = money(default=0)
    limit_price = money(null=True, blank=True)
    trigger_price = money(null=True, blank=True)
    average_price = money(null=True, blank=True)
    is_post_only = models.BooleanField(default=False)
    is_reduce_only = models.BooleanField(default=False)
    leverage = money(null=True, blank=True, help_text="empty: spot, from the account's own balances")
    trail = money(null=True, blank=True, help_text="quote per base, a trailing stop's distance")
    trail_pct = money(null=True, blank=True, help_text="the same in percent of the price that is followed")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="good till then, on the market's clock")
    stop_loss_price = money(null=True, blank=True, help_text="of the exits that its first fill would bring")
    take_profit_price = money(null=True, blank=True)
    parent_id = models.CharField(max_length=120, blank=True, help_text="the entry that brought this exit")
    sibling_id = models.CharField(max_length=120, blank=True, help_text="one of the two cancels the other")
    is_triggered = models.BooleanField(default=False)
    is_after_gap = models.BooleanField(default=False, help_text="nobody watched since it was judged last")
    queue_ahead_qty = money(null=True, blank=True, help_text="base units shown before it at its price; empty: unknown")
    fill_model = models.CharField(max_length=30, blank=True, help_text="with its version")
    purpose = models.CharField(max_length=20, help_text="entry, exit, stop_loss, take_profit or liquidation")
    reason = models.CharField(max_length=300, blank=True, help_text="the strategy's words")
    code = models.CharField(max_length=60, blank=True, help_text="why it was refused or ended")
    sentence = models.CharField(max_length=500, blank=True)
    sequence = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "order_id"), name="an_order_is_written_once"),)
        indexes = (models.Index(fields=("account", "-sequence")),)

    def __str__(self) -> str:
        return self.order_id


class Fill(models.Model):
    """One execution of an order, whole or partial."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="fills")
    fill_id = models.CharField(max_length=120)
    order_id = models.CharField(max_length=120)
    symbol = models.CharField(max_length=30)
    side = models.CharField(max_length=4)
    qty = money(help_text="base units")
    price = money(help_text="quote per base")
    cost = money(help_text="quote")
    fee = money(help_text="quote, never negative")
    leverage = money(null=True, blank=True, help_text="of its order; empty: spot")
    margin_fee = money(default=0, help_text="quote, beside `fee`: for opening on margin, for being liquidated")
    quote = models.CharField(max_length=10)
    liquidity = models.CharField(max_length=5, help_text="maker or taker")
    result = money(null=True, blank=True, help_text="account currency, fees included; empty when it opens")
    reason = models.CharField(max_length=300, blank=True)
    evidence = models.JSONField(default=dict, help_text="what it was judged on")
    sequence = models.BigIntegerField()
    time = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "fill_id"), name="a_fill_is_written_once"),)
        indexes = (models.Index(fields=("account", "-sequence")), models.Index(fields=("-time",)))

    def __str__(self) -> str:
        return self.fill_id


class LedgerEntry(models.Model):
    """One posting. The postings of one fact sum to zero per currency; those of party `account` are the balances."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="ledger")
    entry_id = models.CharField(max_length=140)
    party = models.CharField(max_length=10, help_text="account, exchange, fees, lender or owner")
    currency = models.CharField(max_length=10)
    amount = money(help_text="what the party gains (+) or gives (-)")
    kind = models.CharField(
        max_length=20,
        help_text="deposit, withdrawal, trade, fee, loan, repayment, opening_fee, rollover or liquidation_fee",
    )
    fill_id = models.CharField(max_length=120, blank=True)
    sequence = models.BigIntegerField()
    time = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = (models.UniqueConstraint(fields=("account", "entry_id"), name="an_entry_is_written_once"),)
        indexes = (models.Index(fields=("account", "party", "currency")),)

    def __str__(self) -> str:
        return self.entry_id


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
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "symbol"), name="one_position_per_symbol"),)

    def __str__(self) -> str:
        return f"{self.qty} {self.symbol}"


class RoundTrip(models.Model):
    """A position from flat to flat."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="round_trips")
    trip_id = models.CharField(max_length=120)
    symbol = models.CharField(max_length=30)
    side = models.CharField(max_length=4, default="buy", help_text="of the entry: buy is a long, sell a short")
    qty = money(help_text="base units, all that was bought")
    entry_price = money(help_text="average, quote per base")
    exit_price = money(help_text="average, quote per base")
    fees = money(help_text="quote")
    result = money(help_text="account currency, fees included")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "trip_id"), name="a_round_trip_is_written_once"),)
        indexes = (models.Index(fields=("account", "-sequence")),)

    def __str__(self) -> str:
        return self.trip_id


class EquityPoint(models.Model):
    """What the account was worth at one moment."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="equity_points")
    time = models.DateTimeField()
    equity = money(help_text="account currency: every position closed against the book, less the taker fee")
    mid_equity = money(help_text="account currency, at mid prices, no fee")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "time"), name="one_equity_point_per_moment"),)


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
    sequence = models.BigIntegerField()
    as_of = models.DateTimeField(help_text="the market's clock")

    def __str__(self) -> str:
        return f"{self.account.slug}: {self.equity}"


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


class PaymentState(models.TextChoices):
    """What became of a payment."""

    ASKED = "asked", "asked (the worker has not taken it up yet)"
    APPLIED = "applied"
    REFUSED = "refused"


class Payment(models.Model):
    """What the owner pays in or takes out. It moves the stake, never the profit."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payments")
    amount = money(help_text="paid in (+) or taken out (-)")
    currency = models.CharField(max_length=10)
    by = models.CharField(max_length=150)
    note = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    state = models.CharField(max_length=10, choices=PaymentState, default=PaymentState.ASKED)
    sentence = models.CharField(max_length=300, blank=True, help_text="why it was refused")
    value = money(null=True, blank=True, help_text="account currency, at mid when it was applied; signed")
    sequence = models.BigIntegerField(null=True, blank=True, help_text="the frame after which it was applied")
    applied_at = models.DateTimeField(null=True, blank=True, help_text="the market's clock")

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("account",), condition=Q(state=PaymentState.ASKED), name="payments_to_be_applied"),
        )

    def __str__(self) -> str:
        return f"{self.amount.normalize():+f} {self.currency}"

    @property
    def size(self) -> Decimal:
        """The amount without its direction."""
        return abs(self.amount)
