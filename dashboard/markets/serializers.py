"""The market pages in JSON. Exact decimals are text; unknown values are null."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.markets.ladder import IMBALANCE_LEVELS, LARGE_NEEDS_PRINTS, LARGE_TIMES_MEDIAN
from portfolios.models import Fill
from portfolios.serializers import ExactDecimalField, FeeScheduleSerializer, RowSerializer
from trading.book import Side

SIDES = [side.value for side in Side]


def _exact(unit: str) -> ExactDecimalField:
    return ExactDecimalField(allow_null=True, help_text=unit)


class DaySerializer(serializers.Serializer[Any]):
    """The last twenty-four hours, from stored candles."""

    timeframe = serializers.CharField(help_text="of the candles used: the shortest that cover 24 h")
    first = serializers.DateTimeField(help_text="the oldest candle's beginning, UTC")
    is_whole = serializers.BooleanField(help_text="the candles cover 24 h; else no change is given")
    present = serializers.IntegerField(help_text="candles")
    expected = serializers.IntegerField(help_text="candles of a whole day")
    open = ExactDecimalField(help_text="quote per base, as are high and low")
    high = ExactDecimalField()
    low = ExactDecimalField()
    volume = ExactDecimalField(help_text="base")
    value = ExactDecimalField(help_text="quote: each candle's volume at its close")


class MarketSerializer(serializers.Serializer[Any]):
    """One instrument's quote and its last day."""

    symbol = serializers.CharField()
    slug = serializers.CharField(help_text="its name in addresses")
    status = serializers.CharField(help_text="the exchange's, or stale while its book is not known")
    freshness = serializers.CharField(help_text="live, quiet, late, stale, no feed, …: how fresh the data is")
    freshness_detail = serializers.CharField(help_text="explanation of `freshness`")
    last = _exact("quote per base")
    bid = _exact("quote per base")
    ask = _exact("quote per base")
    spread = _exact("quote")
    spread_bps = _exact("basis points of the mid")
    book_age_s = serializers.FloatField(allow_null=True, help_text="market time since the book changed")
    change_24h_pct = _exact("percent; null unless the candles cover 24 h")
    day = DaySerializer(allow_null=True, help_text="null: no candles stored for the last day")


class SmallAccountSerializer(serializers.Serializer[Any]):
    """What an account of 100 USD can do."""

    least_usd = _exact("the minimum order in USD, rounded up to the cent; null while no price is known")
    orders = serializers.IntegerField(allow_null=True, help_text="of that size that 100 USD buy, without fees")
    round_trip_usd = ExactDecimalField(help_text="taker fees of buying and selling for 100 USD")
    round_trip_maker_usd = ExactDecimalField(help_text="the same in maker fees")


class MarketDetailSerializer(MarketSerializer):
    """One instrument: quote, day, rules and costs."""

    base = serializers.CharField()
    quote = serializers.CharField(help_text="the quote currency")
    price_increment = ExactDecimalField(help_text="quote per base; an order's price is a multiple of it")
    qty_increment = ExactDecimalField(help_text="base; an order's quantity is a multiple of it")
    qty_min = ExactDecimalField(help_text="base; the minimum order")
    cost_min = ExactDecimalField(help_text="quote; the minimum order")
    status_words = serializers.CharField(help_text="what the exchange allows now")
    long_limit = ExactDecimalField(help_text="value bought per unit of equity, at most")
    short_limit = ExactDecimalField(help_text="value sold short per unit of equity, at most")
    fee_schedules = FeeScheduleSerializer(many=True)
    small_account = SmallAccountSerializer()


class RungSerializer(serializers.Serializer[Any]):
    """One level of a book."""

    price = ExactDecimalField(help_text="quote per base")
    qty = ExactDecimalField(help_text="base")
    total = ExactDecimalField(help_text="base, from the best level to this one")


class BookSerializer(serializers.Serializer[Any]):
    """An order book as of one frame, best first on both sides."""

    symbol = serializers.CharField()
    sequence = serializers.IntegerField(help_text="the frame's")
    time = serializers.DateTimeField(help_text="the frame's, UTC")
    changed_at = serializers.DateTimeField(allow_null=True, help_text="when the book changed last; null: not seen yet")
    status = serializers.CharField(help_text="the exchange's, or stale while the book is not known")
    bids = RungSerializer(many=True)
    asks = RungSerializer(many=True)
    spread = _exact("quote; null when a side is empty")
    mid = _exact("quote per base")
    micro_price = serializers.FloatField(
        allow_null=True, help_text="quote per base: bid and ask, each weighted by the quantity at the other"
    )
    imbalance = serializers.FloatField(
        allow_null=True, help_text=f"of the best {IMBALANCE_LEVELS} levels, -1 (only asks) to 1 (only bids)"
    )


class PrintSerializer(serializers.Serializer[Any]):
    """One public trade."""

    trade_id = serializers.IntegerField()
    side = serializers.ChoiceField(SIDES, help_text="the taker's")
    price = ExactDecimalField(help_text="quote per base")
    qty = ExactDecimalField(help_text="base")
    time = serializers.DateTimeField(help_text="the exchange's, UTC")
    is_large = serializers.BooleanField(help_text="at least `large_from`")


class TapeSerializer(serializers.Serializer[Any]):
    """The newest public trades, newest first."""

    symbol = serializers.CharField()
    prints = PrintSerializer(many=True)
    remembered = serializers.IntegerField(help_text="prints that the rule for large ones was made from")
    large_from = _exact(
        f"base: {LARGE_TIMES_MEDIAN} times the median size of those; null while there are fewer than "
        f"{LARGE_NEEDS_PRINTS}"
    )


class MarketFillSerializer(RowSerializer):
    """A fill, and whose it was; its evidence is at `/api/v1/fills/ID/`."""

    deployment = serializers.SlugField(source="account.slug")
    currency = serializers.CharField(source="account.currency", help_text="of `result`")

    class Meta:
        model = Fill
        exclude = ("account", "evidence")


class IndicatorParameterSerializer(serializers.Serializer[Any]):
    """What can be chosen of an indicator."""

    name = serializers.CharField()
    default = serializers.FloatField()
    least = serializers.FloatField()
    most = serializers.FloatField()
    is_whole = serializers.BooleanField()


class IndicatorSerializer(serializers.Serializer[Any]):
    """An indicator that a chart can draw."""

    name = serializers.CharField()
    family = serializers.CharField()
    summary = serializers.CharField()
    is_overlay = serializers.BooleanField(help_text="in units of the price: drawn over the candles")
    parameters = IndicatorParameterSerializer(many=True)
    lines = serializers.ListField(child=serializers.CharField())
    drawn = serializers.ListField(child=serializers.CharField(), help_text="the lines that a chart draws")


class IndicatorValuesSerializer(serializers.Serializer[Any]):
    """An indicator's values, oldest first; they stand at the beginning of their candle."""

    name = serializers.CharField()
    symbol = serializers.CharField()
    timeframe = serializers.CharField()
    parameters = serializers.DictField(child=serializers.FloatField())
    is_overlay = serializers.BooleanField(help_text="in units of the price")
    needs = serializers.IntegerField(help_text="candles until all lines are known")
    candles = serializers.IntegerField(help_text="candles that it was computed from")
    drawn = serializers.ListField(child=serializers.CharField())
    starts = serializers.ListField(child=serializers.DateTimeField(), help_text="UTC, of the candles")
    lines = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="by name, one value a candle; null while it is not known",
    )
