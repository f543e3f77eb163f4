from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import MsgspecError, Raw

from marketdata.kraken.wire import MAX_UNITS, InexactNumber, exact_units, levels_of, nanoseconds


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("62807.0", 1, 628070),
        ("0.00005100", 8, 5100),
        ("0.00000000", 8, 0),
        ("1e-08", 8, 1),
        ("5e-05", 8, 5000),
        ("0.001", 8, 100000),
        ("4.0", 8, 400000000),
        ("4", 8, 400000000),
        ("42", 0, 42),
        ("1.500", 1, 15),
        ("1E3", 0, 1000),
        ("92233720368547758.07", 2, MAX_UNITS),
    ],
)
def test_a_number_is_counted_exactly(text, decimals, units):
    assert exact_units(text.encode(), decimals) == units


@pytest.mark.parametrize(
    "text",
    [
        "0.000000001",
        "-1.0",
        "1e999999999",
        "1e-999999999",
        "0e999999999",
        "92233720368547758.08",
        '"1.0"',
        "null",
        "NaN",
        "Infinity",
        "",
        "1.00000000000000000000000000000000000001",
        "9" * 10_000,
        "٣.00000000",
    ],
)
def test_a_number_that_cannot_be_counted_is_refused(text):
    with pytest.raises(InexactNumber, match="number is"):
        exact_units(text.encode(), 8 if text != "92233720368547758.08" else 2)


@given(st.integers(0, MAX_UNITS), st.integers(0, 18))
def test_every_way_to_write_a_number_counts_the_same(units, decimals):
    number = Decimal(units).scaleb(-decimals)

    spellings = {f"{number:.{decimals}f}", f"{number:f}", f"{number:E}", str(number)}

    assert {exact_units(text.encode(), decimals) for text in spellings} == {units}


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-07-07T23:00:03.501510Z", 1783465203501510000),
        ("2026-09-25T17:48:26.844359566Z", 1790358506844359566),
        ("2026-07-07T23:00:03Z", 1783465203000000000),
        ("2026-07-07T23:00:03.5Z", 1783465203500000000),
    ],
)
def test_a_time_keeps_every_digit(text, ns):
    assert nanoseconds(text) == ns


@pytest.mark.parametrize("text", ["", "soon", "2026-07-07T23:00:03.x", "2026-13-07T23:00:03Z", "2026-07-07 23:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        nanoseconds(text)


def side(*levels: tuple[str, str]) -> Raw:
    return Raw(("[" + ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in levels) + "]").encode())


@given(
    st.lists(st.tuples(st.integers(0, 10**17), st.integers(0, 10**17)), max_size=5),
    st.integers(0, 18),
    st.integers(0, 18),
)
def test_a_side_of_a_book_is_read_exactly_however_its_numbers_are_written(units, price_decimals, qty_decimals):
    def spelled(form: str) -> Raw:
        numbers = [(Decimal(p).scaleb(-price_decimals), Decimal(q).scaleb(-qty_decimals)) for p, q in units]
        return side(*((form.format(p, price_decimals), form.format(q, qty_decimals)) for p, q in numbers))

    levels = levels_of(price_decimals, qty_decimals)

    for form in ("{:.{}f}", "{:E}"):
        assert list(levels.read(spelled(form))) == units


@pytest.mark.parametrize(
    "text",
    [
        '[{"price":1.05,"qty":1.00000000}]',
        '[{"price":-1.0,"qty":1.00000000}]',
        '[{"price":1.0,"qty":1.00000000},{"price":null,"qty":1.00000000}]',
        '[{"price":99999999999999999999.0,"qty":1.00000000}]',
    ],
)
def test_a_side_with_a_number_that_cannot_be_counted_is_refused(text):
    with pytest.raises(InexactNumber, match="number is"):
        list(levels_of(1, 8).read(Raw(text.encode())))


@pytest.mark.parametrize("text", ["{}", '[{"price":1.0}]', "[1]", "null", '"[]"'])
def test_what_is_no_side_is_refused(text):
    with pytest.raises(MsgspecError):
        list(levels_of(1, 8).read(Raw(text.encode())))
