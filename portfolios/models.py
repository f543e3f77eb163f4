"""The rows of what is owned. Written by `portfolios.services` alone, read through `portfolios.selectors`.

Money and quantities are numeric(36, 18); times are UTC of the market's clock unless a field says otherwise.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """Return a field that holds any amount, price or quantity we trade, exactly."""
    return models.DecimalField(max_digits=36, decimal_places=18, **options)


class Liquidity(models.TextChoices):
    """Whether the deployments of a season take from each other."""

    PRIVATE = "private", "private (each has the market to itself)"
    SHARED = "shared", "shared (what one has taken, the next finds gone)"


class Season(models.Model):
    """A period of the league on one market. A reset ends it and begins the next; nothing is deleted."""

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    market = models.CharField(max_length=120, help_text="kraken, simulated:SEED or recording:NAME:HASH; never mixed")
    liquidity = models.CharField(
        max_length=10, choices=Liquidity, default=Liquidity.PRIVATE, help_text="for the season's life"
    )
    started_at = models.DateTimeField(auto_now_add=True, help_text="wall clock")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="wall clock; empty while it runs")

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(models.Value(1), condition=Q(ended_at=None), name="one_season_runs_at_a_time"),
        )

    def __str__(self) -> str:
        return f"Season {self.number}: {self.name} on {self.market}"


class SharedBook(models.Model):
    """What the deployments of a season have taken of the book they share, as of ``sequence``."""

    season = models.OneToOneField(Season, on_delete=models.CASCADE, primary_key=True)
    sequence = models.BigIntegerField(help_text="the cursor of all who shared it when it was saved")
    payload = models.BinaryField()
    saved_at = models.DateTimeField(auto_now=True, help_text="wall clock")

    def __str__(self) -> str:
        return f"book of season {self.season_id} at {self.sequence}"


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
    """What an account holds of one currency: the sum of its ledger entries, kept for reading."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="balances")
    currency = models.CharField(max_length=10)
    amount = money()

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
    fees = money()
    exposure = money(help_text="value of all positions at mid")
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
