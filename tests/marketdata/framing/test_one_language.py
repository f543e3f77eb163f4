"""A frame speaks one set of decimals of each pair: what comes after a change within it is the next frame's."""

from marketdata.framing.listener import Listener
from marketdata.kraken.events import BookChanged, BookLost, InstrumentsChanged, TradeSeen
from tests.announcing import SYMBOL, AnnouncingExchange
from tests.drawing import instrument
from tests.marketdata.framing.test_frame_builder import frames_until, live_builder, make_trade

FINER = instrument("XRP/USD", price_decimals=1)


def test_prints_before_and_after_a_change_of_decimals_are_in_two_frames():
    builder, books = live_builder()
    frames_until(builder, books, 310)

    builder.add([TradeSeen(make_trade(1)), InstrumentsChanged((FINER,)), BookLost("XRP/USD", "number", "precision")])
    builder.add([TradeSeen(make_trade(2)), BookChanged("XRP/USD")])
    old, new = frames_until(builder, books, 500)

    assert (old.instruments, [t.trade_id for t in old.trades], old.books) == ((), [1], {})
    assert old.statuses == {"XRP/USD": "stale"}
    assert (new.instruments, [t.trade_id for t in new.trades], list(new.books)) == ((FINER,), [2], ["XRP/USD"])
    assert new.statuses == {"XRP/USD": "online"}


def test_no_keyframe_repeats_a_book_in_decimals_of_before():
    builder, books = live_builder()
    frames_until(builder, books, 310)
    builder.add([InstrumentsChanged((FINER,)), BookLost("XRP/USD", "number", "precision")])
    books.clear()

    frames = frames_until(builder, books, 5_000)

    assert frames[-1].is_keyframe
    assert (frames[-1].instruments, frames[-1].books) == ((FINER,), {})


def test_rules_that_changed_and_changed_back_within_a_frame_are_as_they_were():
    builder, books = live_builder()
    frames_until(builder, books, 310)
    halted = instrument("XRP/USD", status="cancel_only")

    builder.add([InstrumentsChanged((halted,)), InstrumentsChanged((instrument("XRP/USD"),))])
    frames = frames_until(builder, books, 5_000)

    assert frames[-1].instruments == (instrument("XRP/USD"),)
    assert frames[-1].statuses == {"XRP/USD": "online"}


def test_a_listener_that_is_remembered_between_change_and_boundary_makes_the_same_frames():
    exchange = AnnouncingExchange()
    exchange.wait(1)
    exchange.take()
    exchange.announce(3, 8)
    exchange.print()
    twin = Listener.remembering(exchange.listener.memory())

    later = exchange.now_ns + 300_000_000

    assert twin.pass_time(later) == exchange.listener.pass_time(later) != []
    assert twin.instruments[SYMBOL].price_decimals == 3
