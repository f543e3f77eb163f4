"""How the league is spelled in JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolios.models import Season
from portfolios.results.performance import Performance
from portfolios.results.windows import WINDOWS
from portfolios.serializers import ExactDecimalField
from strategies.serializers.deployments import ContestantSerializer
from trading.fills import plain


class PerformanceSerializer(serializers.Serializer[Any]):
    """What a deployment made of the window; null figures have their reason. Payments are neither gain nor loss."""

    since = serializers.DateTimeField(allow_null=True, help_text="the window's begin, or later: its first valuation")
    is_whole = serializers.BooleanField(help_text="false: it began later than the window")
    gain = ExactDecimalField(help_text="result now less result then")
    return_pct = ExactDecimalField(
        allow_null=True, help_text="gain in percent of the equity then and what was paid in since"
    )
    realised = ExactDecimalField(allow_null=True)
    unrealised = ExactDecimalField(allow_null=True, help_text="gain less realised")
    fees = ExactDecimalField(allow_null=True)
    fees_of_edge_pct = ExactDecimalField(allow_null=True, help_text="fees in percent of the gain before them")
    fills = serializers.IntegerField(allow_null=True)
    round_trips = serializers.IntegerField(allow_null=True)
    wins = serializers.IntegerField(allow_null=True)
    win_rate_pct = ExactDecimalField(allow_null=True, help_text="percent of `round_trips`")
    win_rate_interval_pct = serializers.ListField(
        child=ExactDecimalField(), allow_null=True, min_length=2, max_length=2, help_text="95 %, Wilson"
    )
    worst_pct = ExactDecimalField(
        allow_null=True,
        help_text="deepest fall below a high of the window, percent; by the samples, of an account's whole life exact",
    )
    reasons = serializers.DictField(child=serializers.CharField(), help_text="why a figure is null, by its name")
    samples = serializers.SerializerMethodField(help_text="equity at the window's `ticks`, null: not valued then")

    @extend_schema_field(serializers.ListField(child=serializers.CharField(allow_null=True)))
    def get_samples(self, performance: Performance) -> list[str | None]:
        """Return the equity at each moment of the grid."""
        return [None if sample is None else plain(sample.equity) for sample in performance.samples]


class PlaceSerializer(ContestantSerializer):
    """A deployment in its place: as it stands, and under `window` what it made of the window."""

    rank_before = serializers.IntegerField(
        allow_null=True, help_text="in the season when the window began, of the season a day ago; null: none yet"
    )
    benchmark = serializers.CharField(
        help_text="category of a benchmark, which the others must beat, like `hold` or `random`; empty: none"
    )
    window = PerformanceSerializer(source="performance")


class SeasonSerializer(serializers.ModelSerializer[Season]):
    class Meta:
        model = Season
        fields = ("number", "name", "market", "liquidity", "started_at", "ended_at")


class WindowTotalsSerializer(serializers.Serializer[Any]):
    """What the accounts of one currency made of the window together."""

    gain = ExactDecimalField()
    return_pct = ExactDecimalField(allow_null=True)
    realised = ExactDecimalField()
    fees = ExactDecimalField()
    fills = serializers.IntegerField()
    round_trips = serializers.IntegerField()
    untold = serializers.IntegerField(source="incomplete", help_text="accounts without figures of the window's start")


class TotalsSerializer(serializers.Serializer[Any]):
    """Sums over the accounts of one currency: as they stand, and under `window` what they made of it."""

    currency = serializers.CharField(source="standing.currency")
    accounts = serializers.IntegerField(source="standing.accounts")
    capital = ExactDecimalField(source="standing.capital", help_text="all stakes")
    paid_in = ExactDecimalField(source="standing.paid_in")
    equity = ExactDecimalField(source="standing.equity")
    result = ExactDecimalField(source="standing.result")
    return_pct = ExactDecimalField(source="standing.return_pct")
    realised = ExactDecimalField(source="standing.realised")
    unrealised = ExactDecimalField(source="standing.unrealised")
    fees = ExactDecimalField(source="standing.fees")
    interest = ExactDecimalField(source="standing.interest")
    exposure = ExactDecimalField(source="standing.exposure")
    short_exposure = ExactDecimalField(source="standing.short_exposure")
    owed = ExactDecimalField(source="standing.owed")
    fills = serializers.IntegerField(source="standing.fills")
    round_trips = serializers.IntegerField(source="standing.round_trips")
    window = WindowTotalsSerializer()


class WindowSerializer(serializers.Serializer[Any]):
    """The stretch of market time that is looked at."""

    name = serializers.ChoiceField(choices=list(WINDOWS), source="view.window.name")
    at = serializers.DateTimeField(source="view.at", allow_null=True, help_text="the past moment requested; null: now")
    since = serializers.DateTimeField(allow_null=True, help_text="its begin, the season's when that is later")
    until = serializers.DateTimeField(allow_null=True, help_text="its end: the newest valuation, or `at`")
    ticks = serializers.ListField(child=serializers.DateTimeField(), help_text="the moments of each row's `samples`")


class LeagueSerializer(serializers.Serializer[Any]):
    """The league table, best return of the window first."""

    season = SeasonSerializer(allow_null=True)
    market = serializers.CharField(
        source="season.market", default=None, allow_null=True, help_text="kraken, simulated:SEED or recording:NAME:HASH"
    )
    window = WindowSerializer(source="*")
    rows = PlaceSerializer(many=True, source="places")
    totals = TotalsSerializer(many=True)
