"""Every number of a fill and of its evidence is held to the others."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.rough_weather import bench, buy, gap, limit, live
from trading.exchange.evidence import rederived
from trading.fills import Fill, sealed


def test_orders_and_fills_say_which_model_judged_them() -> None:
    b = bench(buy(2, stop_loss=95), fill_model="pessimistic")
    b.show()

    assert {order.model for order in live(b)} == {"pessimistic-1"}
    assert {fill.evidence["model"] for fill in b.outcomes[-1].fills} == {"pessimistic-1"}


def _sample() -> list[Fill]:
    b = bench([buy(4, stop_loss=95), buy(3, **limit(99))], fill_model="realistic")
    b.show()
    b.show(trades="sell 99 x 700")
    b.show("95 x 100\n---\n94 x 900", trades="sell 94 x 1", gap=gap(b))
    return [fill for outcome in b.outcomes for fill in outcome.fills]


FILLS = _sample()


def _numbers(fill: Fill) -> list[tuple[object, ...]]:
    """Return the way to every number in the fill and its evidence."""
    ways: list[tuple[object, ...]] = [("price",), ("qty",), ("cost",), ("fee",), ("sequence",)]
    for key, value in fill.evidence.items():
        if isinstance(value, list):
            ways += [("evidence", key, at) for at, part in enumerate(value) if isinstance(part, int)]
        elif isinstance(value, int) or key in ("fee_bps", "volume"):
            ways.append(("evidence", key))
    return ways


@given(st.sampled_from(FILLS), st.integers(1, 10**9), st.data())
def test_any_number_that_is_changed_is_found(fill: Fill, by: int, data: st.DataObject) -> None:
    way = data.draw(st.sampled_from(_numbers(fill)))
    content = msgspec.to_builtins(fill)
    place = content
    for step in way[:-1]:
        place = place[step]
    old = place[way[-1]]
    place[way[-1]] = str(D(old) + by) if isinstance(old, str) else old + by

    assert rederived(fill).is_verified
    assert not rederived(msgspec.convert(content, Fill)).is_verified


def test_a_fill_sealed_anew_with_a_wrong_price_is_still_found_by_its_numbers() -> None:
    fill = FILLS[0]

    forged = sealed(msgspec.structs.replace(fill, price=fill.price + 1))

    assert rederived(forged).differs == ("price",)
    assert {fill.evidence["rule"] for fill in FILLS} == {"depth_walk", "queue", "print_through", "crossed_book"}
