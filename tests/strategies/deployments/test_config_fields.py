from typing import Annotated, Literal

import msgspec
import pytest

from strategies.deployments.config_fields import InvalidValue, Kind, config_fields, flat, grouped, risk_fields
from trading.strategy import InvalidConfig, Strategy


class Config(msgspec.Struct, frozen=True):
    fast: Annotated[int, msgspec.Meta(ge=2, le=500, description="fast EMA, candles")] = 9
    stop_pct: Annotated[float, msgspec.Meta(gt=0, lt=50)] = 2.0
    limit: Annotated[float, msgspec.Meta(gt=0)] | None = None
    timeframe: Literal["1m", "5m"] = "1m"
    is_bold: bool = False
    levels: list[float] = []
    label: str = ""


FIELDS = {field.key: field for field in config_fields(msgspec.json.schema(Config))}


def test_every_key_has_its_kind_help_default_and_bounds():
    kinds = {key: field.kind for key, field in FIELDS.items()}

    assert kinds == {
        "fast": Kind.WHOLE, "stop_pct": Kind.NUMBER, "limit": Kind.NUMBER, "timeframe": Kind.CHOICE,
        "is_bold": Kind.FLAG, "levels": Kind.JSON, "label": Kind.TEXT,
    }  # fmt: skip
    assert (FIELDS["fast"].help, FIELDS["fast"].default) == ("fast EMA, candles", 9)
    assert FIELDS["fast"].bounds == "at least 2, at most 500"
    assert FIELDS["stop_pct"].bounds == "above 0, below 50"
    assert FIELDS["limit"].is_optional


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [("fast", "12", 12), ("stop_pct", "1.5", 1.5), ("timeframe", "5m", "5m"), ("is_bold", "true", True),
     ("levels", "[1, 2]", [1, 2]), ("label", "x", "x")],
)  # fmt: skip
def test_text_becomes_a_value_of_the_configs_own_type(key, text, value):
    assert FIELDS[key].value(text) == value


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [("fast", "1", "fast is '1'; expected a whole number at least 2, at most 500"),
     ("fast", "9.5", "fast is '9.5'; expected a whole number at least 2, at most 500"),
     ("stop_pct", "0", "stop_pct is '0'; expected a number above 0, below 50"),
     ("stop_pct", "nan", "stop_pct is 'nan'; expected a number above 0, below 50"),
     ("stop_pct", "inf", "stop_pct is 'inf'; expected a number above 0, below 50"),
     ("timeframe", "2m", "timeframe is '2m'; expected one of 1m, 5m"),
     ("is_bold", "maybe", "is_bold is 'maybe'; expected yes or no"),
     ("levels", "[NaN]", "levels is '[NaN]'; expected valid JSON")],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_field_value_and_bounds(key, text, sentence):
    with pytest.raises(InvalidValue, match="expected") as refused:
        FIELDS[key].value(text)

    assert str(refused.value) == sentence


def test_a_plain_config_dict_tells_its_kinds_by_its_defaults():
    strategy = Strategy(
        name="plain", version="1", symbols=(), generate_signal=lambda *_: None,
        defaults={"n": 3, "x": 0.5, "on": True, "name": "a", "list": [1]},
    )  # fmt: skip

    kinds = {field.key: field.kind for field in config_fields(strategy.schema())}

    assert kinds == {"n": Kind.WHOLE, "x": Kind.NUMBER, "on": Kind.FLAG, "name": Kind.TEXT, "list": Kind.JSON}


def test_the_risk_limits_are_fields_too():
    keys = {field.key: field for field in risk_fields()}

    assert keys["max_orders_per_minute"].default == 60
    assert keys["max_drawdown_pct"].help


class Rest(msgspec.Struct, frozen=True):
    losses: Annotated[int, msgspec.Meta(ge=1, description="losses in a row")] = 3
    minutes: Annotated[float, msgspec.Meta(gt=0, description="minutes of rest")] = 15.0


class Grouped(msgspec.Struct, frozen=True):
    size: float = 20.0
    rest: Rest = Rest(losses=2)
    long_rest: Rest = Rest(minutes=60.0)


GROUPED = Strategy(
    name="grouped", version="1", symbols=(), generate_signal=lambda *_: None, config_type=Grouped
)  # fmt: skip


def test_a_group_of_keys_is_a_field_for_each_with_the_defaults_of_its_place():
    fields = {field.key: field for field in config_fields(GROUPED.schema())}

    assert {key: field.default for key, field in fields.items()} == {
        "size": 20, "rest.losses": 2, "rest.minutes": 15, "long_rest.losses": 3, "long_rest.minutes": 60,
    }  # fmt: skip
    assert fields["rest.losses"].bounds == "at least 1"


def test_what_is_said_of_a_group_leaves_the_rest_of_it_as_it_is():
    config = GROUPED.config({"rest": {"minutes": 5}})

    assert config == Grouped(rest=Rest(losses=2, minutes=5))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [({"rest": {"hours": 1}}, "grouped.rest has no hours; it has losses, minutes"),
     ({"rest": {"losses": 0}}, r"Expected `int` >= 1 - at `\$.rest.losses`"),
     ({"rest": 3}, r"Expected `object`, got `int` - at `\$.rest`")],
)  # fmt: skip
def test_a_wrong_key_or_value_in_a_group_is_named_with_its_place(overrides, sentence):
    with pytest.raises(InvalidConfig, match=sentence):
        GROUPED.config(overrides)


def test_a_config_goes_through_flat_keys_and_back():
    config = {"size": 5, "rest": {"losses": 4}, "unknown": {"a": 1}}
    keys = flat(config, config_fields(GROUPED.schema()))

    assert keys == {"size": 5, "rest.losses": 4, "unknown": {"a": 1}}
    assert grouped(keys) == config
