"""Facts: orders, fills, ledger entries, round trips."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from portfolios.models.accounts import Account
from portfolios.models.columns import money


class Order(models.Model):
    """An order of a strategy, and what became of it."""

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
    is_after_gap = models.BooleanField(default=False, help_text="the market was not watched since it was last matched")
    queue_ahead_qty = money(null=True, blank=True, help_text="base units shown before it at its price; empty: unknown")
    fill_model = models.CharField(max_length=30, blank=True, help_text="with its version")
    purpose = models.CharField(max_length=20, help_text="entry, exit, stop_loss, take_profit or liquidation")
    reason = models.CharField(max_length=300, blank=True, help_text="the strategy's words")
    signal_code = models.CharField(
        max_length=60, blank=True, help_text="the strategy's code, else stop_loss, take_profit, liquidation or flatten"
    )
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
    signal_code = models.CharField(
        max_length=60, blank=True, help_text="the strategy's code, else stop_loss, take_profit, liquidation or flatten"
    )
    evidence = models.JSONField(default=dict, help_text="the market data it was matched on")
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
    mae = money(null=True, blank=True, help_text="quote it had lost at mid at its worst; empty: not watched")
    mfe = money(null=True, blank=True, help_text="quote it had gained at mid at its best; empty: not watched")
    exit_code = models.CharField(max_length=60, blank=True, help_text="the code of what closed the last of it")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()
    sequence = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "trip_id"), name="a_round_trip_is_written_once"),)
        indexes = (models.Index(fields=("account", "-sequence")),)

    def __str__(self) -> str:
        return self.trip_id

    @property
    def held_s(self) -> float:
        """How long it was open, market time."""
        return (self.closed_at - self.opened_at).total_seconds()

    @property
    def mae_pct(self) -> Decimal | None:
        """The maximum adverse excursion in percent of all that was entered."""
        return self._share(self.mae)

    @property
    def mfe_pct(self) -> Decimal | None:
        """The maximum favourable excursion in percent of all that was entered."""
        return self._share(self.mfe)

    def _share(self, amount: Decimal | None) -> Decimal | None:
        entered = self.entry_price * self.qty
        return None if amount is None or not entered else amount / entered * 100
