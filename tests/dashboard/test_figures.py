from decimal import Decimal

import pytest

from dashboard.templatetags import figures


@pytest.mark.parametrize(
    ("number", "shown"),
    [("1234.5", "1,234.50"), ("-0.001", "0.00"), ("-3", "−3.00"), ("0", "0.00")],
)
def test_amounts_are_grouped_and_never_minus_zero(number, shown):
    assert figures.amount(Decimal(number)) == shown


@pytest.mark.parametrize("unknown", [None, ""])
def test_what_is_not_known_is_a_dash(unknown):
    filters = [figures.amount, figures.signed, figures.price, figures.quantity, figures.drawdown, figures.seconds]

    assert {shown(unknown) for shown in filters} == {"–"}


def test_a_gain_is_shown_by_sign_and_class_and_not_by_colour_alone():
    assert ">+1.50<" in figures.signed(Decimal("1.5"))
    assert 'class="gain"' in figures.signed(Decimal("1.5"))
    assert ">−1.50<" in figures.signed(Decimal("-1.5"))
    assert 'class="flat"' in figures.signed(Decimal("0.001"))


@pytest.mark.parametrize(
    ("number", "shown"),
    [("64210.43", "64,210.4"), ("3184.276", "3,184.28"), ("2.314567", "2.31457"), ("0.00003605", "0.00003605")],
)
def test_a_price_has_the_decimals_of_its_size(number, shown):
    assert figures.price(Decimal(number)) == shown


def test_a_tiny_fee_in_bitcoin_is_not_rounded_to_nothing():
    assert figures.quoted(Decimal("0.00000132")) == "0.00000132"
    assert figures.quoted(Decimal("0.08")) == "0.0800"


@pytest.mark.parametrize(
    ("length_s", "shown"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (4_000, "1 h 6 min"),
        (172_799, "47 h 59 min"),
        (200_000, "2 d 7 h"),
        (None, "–"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(length_s, shown):
    assert figures.duration(length_s) == shown


def test_a_count_that_is_not_known_is_no_zero():
    assert [figures.count(number) for number in (1_234_567, 0, None, "")] == ["1,234,567", "0", "–", "–"]
