"""How a paper fill happens, one rule after another, with worked numbers. Each example is a test and a paragraph.

Books and prints are drawn as in the tests: "price x lots", asks above the line; a lot is 0.01.
"""

from __future__ import annotations

import msgspec

from trading.signals import Amend, Cancel, Signal

BOOK = """
    102 x 900
    101 x 300
    100 x 200
    ---
     99 x 500
     98 x 500
"""


class Event(msgspec.Struct, frozen=True):
    """One frame of the market, and the fills that follow from it."""

    fills: tuple[str, ...] = ()  # "side qty @ price liquidity rule"
    prints: str = ""
    book: str = ""  # as it stands from now on; empty: as before
    frames: int = 1  # so many frames alike, a tenth of a second each
    after_gap: bool = False


class Example(msgspec.Struct, frozen=True):
    """One rule."""

    title: str
    rule: str
    wants: tuple[Signal | Cancel | Amend, ...]
    events: tuple[Event, ...]  # the first is the one in which the order arrives
    ended: str = ""  # the code with which the order ended unfilled, or was refused
    book: str = BOOK
    model: str = "realistic"
    before: tuple[Signal, ...] = ()  # filled before the example begins
    then: tuple[Signal | Cancel | Amend, ...] = ()  # wanted a frame after ``wants``


def _buy(qty: float, **options: object) -> Signal:
    return Signal.buy("XRP/USD", qty, size_in="base", **options)


def _sell(qty: float, **options: object) -> Signal:
    return Signal.sell("XRP/USD", qty, size_in="base", **options)


def _limit(price: int, **options: object) -> dict[str, object]:
    return {"order_type": "limit", "limit_price": price, **options}


EXAMPLES = (
    Example(
        "A market order walks the book",
        "It takes each level at its own price, best first.",
        (_buy(4),),
        (Event(("buy 2.00 @ 100 taker depth_walk", "buy 2.00 @ 101 taker depth_walk")),),
    ),
    Example(
        "A market order larger than the visible book",
        "The visible size is filled; the rest is cancelled with a reason.",
        (_buy(7),),
        (Event(("buy 2.00 @ 100 taker depth_walk", "buy 3.00 @ 101 taker depth_walk")),),
        ended="book_ended",
        book="101 x 300\n100 x 200\n---\n99 x 500",
    ),
    Example(
        "A resting order waits behind what was displayed",
        "5.00 were displayed at 99 when it arrived: trades at 99 fill that 5.00 first, then this order.",
        (_buy(1, **_limit(99)),),
        (
            Event(),
            Event(prints="sell 99 x 300"),
            Event(prints="sell 99 x 200"),
            Event(("buy 0.50 @ 99 maker queue",), prints="sell 99 x 50"),
            Event(("buy 0.50 @ 99 maker queue",), prints="sell 99 x 900"),
        ),
    ),
    Example(
        "A print through the price",
        "A seller at 98 would have met our bid at 99 first: it fills at 99, no more than was traded.",
        (_buy(3, **_limit(99)),),
        (
            Event(),
            Event(("buy 2.00 @ 99 maker print_through",), prints="sell 98 x 200"),
            Event(("buy 1.00 @ 99 maker print_through",), prints="sell 98 x 500"),
        ),
    ),
    Example(
        "The queue is never longer than what is displayed",
        "When 4.00 of the 5.00 before us are cancelled, 1.00 is left before us.",
        (_buy(1, **_limit(99)),),
        (
            Event(),
            Event(book="100 x 200\n---\n99 x 100\n98 x 500"),
            Event(("buy 1.00 @ 99 maker queue",), prints="sell 99 x 200"),
        ),
    ),
    Example(
        "A price deeper than the visible book",
        "The queue at 90 is unknown: trades at 90 fill nothing, trades below 90 do.",
        (_buy(1, **_limit(90)),),
        (
            Event(),
            Event(prints="sell 90 x 900"),
            Event(("buy 1.00 @ 90 maker print_through",), prints="sell 89 x 900"),
        ),
    ),
    Example(
        "Two orders of our own and one print",
        "3.00 were sold at 96: the better price comes first, and no print is used twice.",
        (_buy(2, **_limit(97)), _buy(2, **_limit(98))),
        (
            Event(),
            Event(("buy 2.00 @ 98 maker print_through", "buy 1.00 @ 97 maker print_through"), prints="sell 96 x 300"),
        ),
    ),
    Example(
        "A limit order that crosses takes first",
        "The crossing part takes from the book; the remainder rests at its limit.",
        (_buy(5, **_limit(100)),),
        (Event(("buy 2.00 @ 100 taker depth_walk",)), Event()),
    ),
    Example(
        "Post-only that would take",
        "It is rejected: a post-only order never takes from the book.",
        (_buy(1, **_limit(100, post_only=True)),),
        (Event(),),
        ended="post_only",
    ),
    Example(
        "Immediate or cancel",
        "What fills at once; the rest is cancelled.",
        (_buy(5, **_limit(100, time_in_force="ioc")),),
        (Event(("buy 2.00 @ 100 taker depth_walk",)),),
        ended="ioc_remainder",
    ),
    Example(
        "Fill or kill, too large",
        "5.00 available at 101 or better, order of 6.00: nothing is filled.",
        (_buy(6, **_limit(101, time_in_force="fok")),),
        (Event(),),
        ended="fok",
    ),
    Example(
        "Fill or kill, all of it",
        "All of it fills at once.",
        (_buy(5, **_limit(101, time_in_force="fok")),),
        (Event(("buy 2.00 @ 100 taker depth_walk", "buy 3.00 @ 101 taker depth_walk")),),
    ),
    Example(
        "Good till date",
        "After a second of market time it is cancelled.",
        (_buy(1, **_limit(99, time_in_force="gtd", expires_in_s=1)),),
        (Event(), Event(frames=10), Event(prints="sell 98 x 500")),
        ended="expired",
    ),
    Example(
        "A stop",
        "A print at the trigger makes it a market order for what is held.",
        (_sell(2, order_type="stop", trigger_price=97),),
        (
            Event(),
            Event(prints="sell 98 x 10"),
            Event(
                ("sell 2.00 @ 96 taker depth_walk",), prints="sell 97 x 10", book="98 x 100\n97 x 100\n---\n96 x 900"
            ),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A stop-limit that the price jumps over",
        "The trigger makes it a limit order at 97; bids are at 95, so it stays open and fills nothing.",
        (_sell(2, order_type="stop_limit", trigger_price=97, limit_price=97),),
        (
            Event(),
            Event(prints="sell 95 x 10", book="98 x 100\n97 x 100\n---\n95 x 900"),
            Event(("sell 2.00 @ 97 maker print_through",), prints="buy 98 x 300"),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A trailing stop",
        "It follows the best print at a distance of 3: from 100 to 105, then 102 triggers it.",
        (_sell(2, order_type="trailing_stop", trail=3),),
        (
            Event(prints="buy 100 x 1"),
            Event(prints="buy 105 x 1"),
            Event(prints="sell 103 x 1"),
            Event(("sell 2.00 @ 101 taker depth_walk",), prints="sell 102 x 1", book="103 x 9\n---\n101 x 900"),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A trailing stop in percent",
        "Two percent below 150 is 147.",
        (_sell(2, order_type="trailing_stop", trail_pct=2),),
        (
            Event(prints="buy 150 x 1"),
            Event(prints="sell 148 x 1"),
            Event(("sell 2.00 @ 146 taker depth_walk",), prints="sell 147 x 1", book="148 x 9\n---\n146 x 900"),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A trailing stop that buys",
        "It follows the price down, from 100 to 95 at a distance of 3; then 98 triggers it.",
        (_buy(2, order_type="trailing_stop", trail=3),),
        (
            Event(prints="sell 100 x 1"),
            Event(prints="sell 95 x 1"),
            Event(prints="buy 97 x 1"),
            Event(("buy 2.00 @ 99 taker depth_walk",), prints="buy 98 x 1", book="99 x 900\n---\n97 x 9"),
        ),
    ),
    Example(
        "A take-profit",
        "A print at the trigger makes it a market order for what is held.",
        (_sell(2, order_type="take_profit", trigger_price=103),),
        (
            Event(),
            Event(("sell 2.00 @ 102 taker depth_walk",), prints="buy 103 x 10", book="104 x 900\n---\n102 x 900"),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A take-profit with a limit",
        "The trigger makes it a limit order at 103; bids are at 102, so it rests until a buyer pays more.",
        (_sell(2, order_type="take_profit_limit", trigger_price=103, limit_price=103),),
        (
            Event(),
            Event(prints="buy 103 x 10", book="104 x 900\n---\n102 x 900"),
            Event(("sell 2.00 @ 103 maker print_through",), prints="buy 104 x 300"),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A bracket: one cancels the other",
        "The stop at 97 is triggered and closes the position; the take-profit at 110 is cancelled.",
        (_buy(2, stop_loss=97, take_profit=110),),
        (
            Event(("buy 2.00 @ 100 taker depth_walk",)),
            Event(("sell 2.00 @ 96 taker depth_walk",), prints="sell 97 x 1", book="98 x 9\n---\n96 x 900"),
            Event(prints="buy 111 x 900"),
        ),
        ended="position_closed",
    ),
    Example(
        "Reduce-only never opens",
        "Nothing is held: there is nothing to reduce.",
        (_buy(1, reduce_only=True),),
        (Event(),),
        ended="reduce_only",
    ),
    Example(
        "Our own order on the other side",
        "A buy that would trade with our own resting sell order is rejected.",
        (_sell(1, **_limit(101)), _buy(4)),
        (Event(),),
        ended="self_cross",
        before=(_buy(2),),
    ),
    Example(
        "After a gap",
        "No data came while the price fell from 99 to 90: the first price after the gap triggers the stop at 97.",
        (_sell(2, order_type="stop", trigger_price=97),),
        (
            Event(),
            Event(
                ("sell 2.00 @ 89 taker depth_walk",),
                prints="sell 90 x 1",
                book="91 x 100\n---\n89 x 900",
                after_gap=True,
            ),
        ),
        before=(_buy(2),),
    ),
    Example(
        "A cancellation takes its time, too",
        "Trades before the cancellation arrives still fill the order.",
        (_buy(9, **_limit(99)),),
        (Event(), Event(("buy 4.00 @ 99 maker print_through",), prints="sell 98 x 400"), Event(prints="sell 98 x 900")),
        then=(Cancel(symbol="XRP/USD"),),
        ended="cancelled",
    ),
    Example(
        "The optimistic model",
        "A market order gets all of it at the best price.",
        (_buy(4),),
        (Event(("buy 4.00 @ 100 taker touch",)),),
        model="optimistic",
    ),
    Example(
        "The optimistic model, resting",
        "As soon as anybody trades at its price, all of it is filled.",
        (_buy(4, **_limit(99)),),
        (Event(), Event(("buy 4.00 @ 99 maker touched",), prints="sell 99 x 1")),
        model="optimistic",
    ),
    Example(
        "The pessimistic model",
        "A taker pays five basis points more than the book shows, at least one tick.",
        (_buy(4),),
        (Event(("buy 2.00 @ 101 taker depth_walk", "buy 2.00 @ 102 taker depth_walk")),),
        model="pessimistic",
    ),
    Example(
        "The pessimistic model, resting",
        "Prints at its price fill nothing, however many; only prints beyond it do.",
        (_buy(1, **_limit(99)),),
        (
            Event(),
            Event(prints="sell 99 x 2000"),
            Event(("buy 1.00 @ 99 maker print_through",), prints="sell 98 x 100"),
        ),
        model="pessimistic",
    ),
)
