"""Rows of accounts in JSON: exact decimals as plain strings, times in UTC."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolios.models import (
    Balance,
    Fill,
    Flattening,
    InstrumentFigures,
    LedgerEntry,
    Order,
    Payment,
    Position,
    RoundTrip,
)
from portfolios.results.curves import CurvePoint
from portfolios.results.exits import ExitFigures
from trading.exchange.evidence import Derivation
from trading.exchange.waiting import WaitsFor
from trading.fees import FeeTier
from trading.fills import plain
from trading.orders import OrderStatus

LIVE = {status.value for status in OrderStatus if status.is_live}


class ExactDecimalField(serializers.DecimalField):
    """A decimal as the shortest plain string: no exponent, no trailing zeros, never NaN."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_digits", None)
        options.setdefault("decimal_places", None)
        super().__init__(**options)

    def to_representation(self, value: Decimal) -> str:
        """Return the value, all its digits kept."""
        return plain(value)


class RowSerializer(serializers.ModelSerializer[Any]):
    """A row as it is stored."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.DecimalField: ExactDecimalField
    }


class FillSerializer(RowSerializer):
    class Meta:
        model = Fill
        exclude = ("account",)


class DerivationSerializer(serializers.Serializer[Derivation]):
    """A fill derived anew from its evidence."""

    is_verified = serializers.BooleanField(help_text="price, quantity, cost and fee follow from the evidence")
    steps = serializers.ListField(child=serializers.CharField(), help_text="how they follow, in words and numbers")
    price = ExactDecimalField(allow_null=True, help_text="quote per base, as derived")
    qty = ExactDecimalField(allow_null=True, help_text="base, as derived")
    fee = ExactDecimalField(allow_null=True, help_text="quote, as derived")
    differs = serializers.ListField(child=serializers.CharField(), help_text="what the fill says otherwise")


class FillDetailSerializer(serializers.Serializer[dict[str, Any]]):
    """One fill, and what its evidence gives."""

    deployment = serializers.CharField(help_text="its slug")
    fill = FillSerializer()
    derivation = DerivationSerializer()


class WaitingSerializer(serializers.Serializer[dict[str, Any]]):
    """Why a live order is not filled yet; quantities in base units."""

    waits_for = serializers.ChoiceField(choices=[each.value for each in WaitsFor])
    distance_bps = serializers.CharField(
        allow_null=True,
        help_text="of a resting order: how much worse its price is than the best of its side; "
        "of a stop or take-profit: how far the last trade is from its trigger",
    )
    queue_ahead = serializers.CharField(allow_null=True, help_text="shown before it at its price; null: not known")
    printed = serializers.CharField(help_text="traded by others at its price or through it, since it rests there")
    printed_at = serializers.DateTimeField(allow_null=True, help_text="the last time")
    since = serializers.DateTimeField(allow_null=True, help_text="rests at its price since; before it rests: sent at")
    until = serializers.DateTimeField(allow_null=True, help_text="arrives, while it waits for latency; else expires")
    status = serializers.CharField(help_text="of the instrument; stale: its book is not known")
    system = serializers.CharField(help_text="of the exchange")
    is_post_only = serializers.BooleanField()
    is_being_cancelled = serializers.BooleanField()


class OrderSerializer(RowSerializer):
    waiting = serializers.SerializerMethodField(
        help_text="why it is not filled yet, at most a second old; null: it is not open, or was not valued yet"
    )

    class Meta:
        model = Order
        exclude = ("id", "account")

    @extend_schema_field(WaitingSerializer(allow_null=True))
    def get_waiting(self, order: Order) -> dict[str, Any] | None:
        """Return what the view hands over in its context."""
        if order.status not in LIVE:
            return None
        waits: dict[str, Any] | None = self.context.get("waiting", {}).get(order.order_id)
        return waits


class PositionSerializer(RowSerializer):
    class Meta:
        model = Position
        exclude = ("id", "account")


class RoundTripSerializer(RowSerializer):
    mae_pct = ExactDecimalField(read_only=True, allow_null=True, help_text="`mae` in percent of all that was entered")
    mfe_pct = ExactDecimalField(read_only=True, allow_null=True, help_text="`mfe` in percent of all that was entered")
    held_s = serializers.FloatField(read_only=True, help_text="seconds of market time from opened to closed")

    class Meta:
        model = RoundTrip
        exclude = ("id", "account")


class InstrumentFiguresSerializer(RowSerializer):
    class Meta:
        model = InstrumentFigures
        exclude = ("id", "account")


class PaymentSerializer(RowSerializer):
    class Meta:
        model = Payment
        exclude = ("account",)


class FlatteningSerializer(RowSerializer):
    class Meta:
        model = Flattening
        exclude = ("account",)


class ExitFiguresSerializer(serializers.Serializer[ExitFigures]):
    """The round trips that one rule ended."""

    exit_code = serializers.CharField(help_text="empty: the strategy gave no code")
    count = serializers.IntegerField()
    wins = serializers.IntegerField()
    win_rate = ExactDecimalField(source="win_rate_pct", help_text="percent of `count`")
    result = ExactDecimalField(help_text="account currency, fees included")
    average = ExactDecimalField(help_text="of one round trip")
    held_s = serializers.FloatField(help_text="mean seconds of market time")


class BalanceSerializer(RowSerializer):
    class Meta:
        model = Balance
        exclude = ("id", "account")


class LedgerEntrySerializer(RowSerializer):
    class Meta:
        model = LedgerEntry
        exclude = ("id", "account")


class CurvePointSerializer(serializers.Serializer[CurvePoint]):
    """What an account was worth at a moment."""

    time = serializers.DateTimeField()
    equity = ExactDecimalField()
    mid_equity = ExactDecimalField()
    return_pct = ExactDecimalField(help_text="gain in percent of all that had been paid in by then")
    drawdown_pct = ExactDecimalField(help_text="below the highest point before it; payments are no gain and no loss")


class EquityCurveSerializer(serializers.Serializer[Any]):
    """An account's worth over time, oldest first."""

    slug = serializers.SlugField()
    currency = serializers.CharField()
    stake = ExactDecimalField(help_text="all that was paid in, less what was taken out")
    points = CurvePointSerializer(many=True)


class ReasonSerializer(serializers.Serializer[Any]):
    """A reason not to trade, and how often it was given."""

    code = serializers.CharField()
    symbol = serializers.CharField(help_text="empty: it was given for all symbols together")
    last_hour = serializers.IntegerField(help_text="since `hour_since`")
    last_day = serializers.IntegerField(help_text="since `day_since`")
    total = serializers.IntegerField(help_text="since the account was opened")


class ReasonsOfHourSerializer(serializers.Serializer[Any]):
    """What was counted in one hour of market time, or more where the market was not seen."""

    since = serializers.DateTimeField(allow_null=True, help_text="null: since the account was opened")
    until = serializers.DateTimeField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text='"code" or "code SYMBOL" -> times')


class ReasonsSerializer(serializers.Serializer[Any]):
    """Why the strategy did not trade: by reason, and by hour."""

    as_of = serializers.DateTimeField(allow_null=True, help_text="the market's clock; null before the first frame")
    hour_since = serializers.DateTimeField(allow_null=True, help_text="null: the account is younger")
    day_since = serializers.DateTimeField(allow_null=True, help_text="null: the account is younger")
    reasons = ReasonSerializer(many=True)
    hours = ReasonsOfHourSerializer(many=True)


class LedgerSumSerializer(serializers.Serializer[Any]):
    """One currency: what the ledger adds up to, and what the balance says. They are equal, always."""

    currency = serializers.CharField()
    ledger = ExactDecimalField()
    balance = ExactDecimalField()


class FeeTierSerializer(serializers.Serializer[FeeTier]):
    """Rates from a volume on."""

    volume = ExactDecimalField(help_text="USD traded in thirty days, at least")
    taker_bps = ExactDecimalField(help_text="basis points of the traded value")
    maker_bps = ExactDecimalField(help_text="basis points of the traded value")


class FeeScheduleSerializer(serializers.Serializer[Any]):
    """A table of fees. A name stands for one table for ever."""

    name = serializers.CharField(help_text="a deployment that names it is charged by this table")
    family = serializers.CharField(help_text="one that names this is charged by the table in force at each date")
    valid_from = serializers.DateField(help_text="UTC")
    tiers = FeeTierSerializer(many=True)
