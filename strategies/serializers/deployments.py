"""How deployments and strategies are spelled in JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portfolios.selectors import MarginState
from portfolios.serializers import ExactDecimalField, FlatteningSerializer, RowSerializer
from strategies.deployments.events import SHOWN
from strategies.deployments.terms import TERMS
from strategies.league.board import Contestant, Health
from strategies.models import (
    Deployment,
    DeploymentCost,
    DeploymentEvent,
    DeploymentRevision,
    StrategyVersion,
)
from strategies.serializers.shadows import OptimismSerializer
from strategies.serializers.terms import term_fields
from strategies.versions.files import assets_of
from trading.strategy import Strategy

NO_ROUND_TRIP = "no closed round trip yet"


class StandingField(ExactDecimalField):
    """A figure of the standing; 0 until there is one, null where one of the past does not know it."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(source="*", read_only=True, allow_null=True, **options)
        self.name = name

    def to_representation(self, value: Contestant) -> str | None:  # type: ignore[override]
        """Return the figure in the account's currency or percent."""
        standing = value.row.standing
        figure = getattr(standing, self.name) if standing else Decimal(0)
        return None if figure is None else super().to_representation(figure)


def _level(name: str, about: str) -> ExactDecimalField:
    return ExactDecimalField(source=f"row.standing.{name}", default=None, allow_null=True, help_text=about)


class ContestantSerializer(OptimismSerializer):
    """A deployment in its place; money in `currency`, percentages in percent."""

    rank = serializers.IntegerField(source="row.rank")
    slug = serializers.SlugField(source="deployment.slug")
    name = serializers.CharField(source="deployment.name")
    strategy = serializers.CharField(source="deployment.strategy")
    version = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField(source="deployment.status")
    status_reason = serializers.CharField(source="deployment.status_reason")
    health = serializers.ChoiceField(choices=[health.value for health in Health])
    health_reason = serializers.CharField()
    currency = serializers.CharField(source="row.account.currency")
    stake = ExactDecimalField(source="row.stake", help_text="all that was paid in, less what was taken out")
    paid_in = ExactDecimalField(
        source="row.paid_in", help_text="all that was ever paid in; returns are in percent of it"
    )
    equity = ExactDecimalField(source="row.equity")
    return_pct = ExactDecimalField(source="row.return_pct")
    mid_equity = StandingField("mid_equity")
    realised = StandingField("realised")
    unrealised = StandingField("unrealised")
    fees = StandingField("fees")
    interest = StandingField("interest", help_text="the part of the fees that lending cost")
    exposure = StandingField("exposure", help_text="of longs and shorts, never netted")
    short_exposure = StandingField("short_exposure")
    leverage = ExactDecimalField(
        source="row.leverage", allow_null=True, help_text="exposure per unit of equity; null when nothing is left"
    )
    owed = StandingField("owed", help_text="all loans, at mid")
    used_margin = StandingField("used_margin", help_text="collateral that loans bind")
    margin_state = serializers.ChoiceField(source="row.margin", choices=[state.value for state in MarginState])
    margin_level_pct = _level("margin_level_pct", "equity in percent of the used margin; null while none is used")
    call_level_pct = _level("call_level_pct", "the level at which margin is called")
    closing_level_pct = _level("closing_level_pct", "the level below which positions are closed")
    drawdown_pct = StandingField("drawdown_pct")
    max_drawdown_pct = StandingField("max_drawdown_pct")
    fills = serializers.IntegerField(source="row.standing.fills", default=0, allow_null=True)
    round_trips = serializers.IntegerField(source="row.standing.round_trips", default=0, allow_null=True)
    wins = serializers.IntegerField(source="row.standing.wins", default=0, allow_null=True)
    refusals = serializers.IntegerField(source="row.standing.refusals", default=0, allow_null=True)
    win_rate = ExactDecimalField(source="row.win_rate_pct", allow_null=True, help_text="percent of `round_trips`")
    win_rate_reason = serializers.SerializerMethodField(help_text="why `win_rate` is null, else null")
    last_fill_at = serializers.DateTimeField(source="row.standing.last_fill_at", default=None, allow_null=True)
    as_of = serializers.DateTimeField(source="row.standing.as_of", default=None, allow_null=True)
    why = serializers.DictField(child=serializers.IntegerField(), source="row.standing.why", default=dict)
    indicators = serializers.DictField(
        source="row.standing.indicators",
        default=dict,
        help_text="by name, or by symbol and name; unknown ones are null",
    )
    indicators_at = serializers.DateTimeField(source="row.standing.indicators_at", default=None, allow_null=True)

    def get_win_rate_reason(self, contestant: Contestant) -> str | None:
        """Return why there is no win rate."""
        return NO_ROUND_TRIP if contestant.row.win_rate_pct is None else None


class DeploymentSerializer(RowSerializer):
    """A deployment as it is configured."""

    class Meta:
        model = Deployment
        exclude = ("id", "account", *TERMS)

    def get_fields(self) -> dict[str, Any]:
        """Return the row's fields, and those of its terms."""
        return {**super().get_fields(), **term_fields(read_only=True)}


class SettingSerializer(serializers.Serializer):
    """One key beside its default."""

    key = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    default = serializers.JSONField(allow_null=True)
    help = serializers.CharField()
    bounds = serializers.CharField()
    is_changed = serializers.BooleanField()


class AssetSerializer(serializers.Serializer):
    """A file of a strategy that is not Python, such as a model."""

    name = serializers.CharField(help_text="its path below the strategy's folder")
    bytes = serializers.IntegerField()


class VersionSerializer(serializers.Serializer):
    """A version of a strategy."""

    version = serializers.CharField()
    hash = serializers.CharField(help_text="SHA-256 of its files, names included")
    assets = serializers.SerializerMethodField()

    @extend_schema_field(AssetSerializer(many=True))
    def get_assets(self, strategy: Strategy) -> list[dict[str, Any]]:
        """Return what it has beside Python, by name and size."""
        return [{"name": name, "bytes": size} for name, size in assets_of(strategy.sources).items()]


class ChangeSerializer(serializers.Serializer):
    """One key that differs."""

    key = serializers.CharField(help_text="like `config.breaker.losses`")
    before = serializers.JSONField(required=False, help_text="left out: it followed the default")
    after = serializers.JSONField(required=False, help_text="left out: it follows the default")


class RevisionSerializer(serializers.ModelSerializer):
    """One change of a deployment, and all settings from then on."""

    changes = ChangeSerializer(many=True)

    class Meta:
        model = DeploymentRevision
        exclude = ("id", "deployment")


class CostSerializer(serializers.ModelSerializer):
    """What a deployment costs its worker; times are of the last five minutes, measured in one frame of eight."""

    class Meta:
        model = DeploymentCost
        exclude = ("id", "deployment")


class DeploymentEventSerializer(serializers.ModelSerializer):
    """An event record: an error, a pause, a gap, a change of settings."""

    class Meta:
        model = DeploymentEvent
        fields = SHOWN


class DeploymentDetailSerializer(OptimismSerializer, DeploymentSerializer):
    """A deployment with its settings one by one, its place in the league and its newest events."""

    traded_version = VersionSerializer(read_only=True, allow_null=True, help_text="null: it cannot be loaded")
    offered_version = VersionSerializer(
        read_only=True, allow_null=True, help_text="another version that is there: `challenger/` or `switch/` take it"
    )

    settings = SettingSerializer(many=True, read_only=True)
    limits = SettingSerializer(many=True, read_only=True)
    margin_terms = SettingSerializer(many=True, read_only=True)
    cost = CostSerializer(read_only=True, allow_null=True, source="measured_cost")
    flattening = FlatteningSerializer(
        read_only=True, allow_null=True, help_text="the one that is asked or under way; null: there is none"
    )
    standing = ContestantSerializer(read_only=True, allow_null=True)
    recent_events = DeploymentEventSerializer(many=True, read_only=True)

    class Meta:
        model = Deployment
        # Where a term has another name in the API, its own stands for something else: the shadows themselves.
        exclude = ("id", "account", *(key for key, term in TERMS.items() if term.api == key))


class SeenVersionSerializer(serializers.ModelSerializer):
    """A version that was found once."""

    deployments = serializers.IntegerField(help_text="how many trade it")

    class Meta:
        model = StrategyVersion
        fields = ("version", "hash", "first_seen_at", "deployments")


class StrategySerializer(VersionSerializer):
    """A strategy that was found."""

    name = serializers.CharField()
    description = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    trigger = serializers.CharField()
    warmup = serializers.DictField(child=serializers.IntegerField())
    versions = serializers.SerializerMethodField(help_text="all that were ever found, newest first")
    schema = serializers.SerializerMethodField(help_text="JSON Schema of its config")

    @extend_schema_field(SeenVersionSerializer(many=True))
    def get_versions(self, strategy: Any) -> Any:
        """Return the versions that the view hands over in its context."""
        return SeenVersionSerializer(self.context["versions"].get(strategy.name, []), many=True).data

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_schema(self, strategy: Any) -> dict[str, Any]:
        """Return the schema."""
        schema: dict[str, Any] = strategy.schema()
        return schema


class LoadFailureSerializer(serializers.Serializer):
    """A file that could not be loaded."""

    path = serializers.CharField()
    error = serializers.CharField()


class GoneStrategySerializer(serializers.Serializer):
    """A strategy of which only kept versions are left."""

    name = serializers.CharField()
    versions = SeenVersionSerializer(many=True)


class StrategiesSerializer(serializers.Serializer):
    """What was found, what could not be loaded, and what was found once."""

    strategies = StrategySerializer(many=True)
    failures = LoadFailureSerializer(many=True)
    gone = GoneStrategySerializer(many=True, help_text="in no folder any more, or broken; kept versions trade on")


class VersionChangeSerializer(serializers.Serializer):
    """What to trade another version with."""

    config = serializers.DictField(required=False, help_text="left out: the deployment's config as it is")


class PauseSerializer(serializers.Serializer):
    """Why a deployment is paused."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=400, default="")
