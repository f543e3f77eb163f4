from marketdata.framing.frame_builder import INTERVAL_NS, MAX_SILENT_FRAMES, FrameBuilder
from marketdata.kraken.events import (
    BookChanged,
    BookLost,
    ConnectionQuiet,
    InstrumentsChanged,
    StatusChanged,
    TradeSeen,
)
from tests.drawing import instrument
from trading.book import OrderBook, Side
from trading.frames import NS_PER_S, Frame, Gap, Trade, encode_frame

T0 = 1_783_425_600 * NS_PER_S  # a boundary of minutes, keyframes and frames
MS = 1_000_000
XRP = instrument("XRP/USD")


def make_book(bid: int = 100, ask: int = 101) -> OrderBook:
    book = OrderBook(25)
    book.apply([(bid, 5)], [(ask, 5)])
    return book


def make_trade(trade_id: int = 1) -> Trade:
    return Trade("XRP/USD", trade_id, Side.BUY, 101, 5, T0)


def live_builder(time_ns: int = T0 + 210 * MS) -> tuple[FrameBuilder, dict[str, OrderBook]]:
    """Return a builder whose first frame, with one verified book, is in the making."""
    builder, books = FrameBuilder(), {"XRP/USD": make_book()}
    builder.advance(time_ns, books)
    builder.add([StatusChanged("online"), InstrumentsChanged((XRP,)), BookChanged("XRP/USD")])
    return builder, books


def frames_until(builder: FrameBuilder, books: dict[str, OrderBook], ms: int) -> list[Frame]:
    return builder.advance(T0 + ms * MS, books)


def test_a_message_belongs_to_the_frame_that_closes_after_it():
    builder, books = live_builder(T0 + 210 * MS)

    early = frames_until(builder, books, 299)
    (frame,) = frames_until(builder, books, 300)

    assert early == []
    assert frame.time_ns == T0 + 300 * MS
    assert frame.sequence == frame.time_ns // INTERVAL_NS


def test_a_message_at_the_boundary_belongs_to_the_next_frame():
    builder, books = live_builder(T0 + 200 * MS)

    (frame,) = frames_until(builder, books, 300)

    assert frame.time_ns == T0 + 300 * MS


def test_the_first_frame_has_everything():
    builder, books = live_builder()

    (frame,) = frames_until(builder, books, 300)

    assert frame.is_keyframe
    assert frame.gap is None
    assert (frame.system, frame.instruments, frame.statuses) == ("online", (XRP,), {"XRP/USD": "online"})
    assert frame.books == {"XRP/USD": books["XRP/USD"].top(25)}


def test_every_interval_has_a_frame_even_if_nothing_changed():
    builder, books = live_builder()

    frames = frames_until(builder, books, 1_000)

    assert [frame.sequence - frames[0].sequence for frame in frames] == list(range(8))
    empty = Frame(sequence=frames[1].sequence, time_ns=frames[1].time_ns)
    assert frames[1] == empty
    assert len(encode_frame(empty)) < 60


def test_a_frame_shows_the_book_as_it_stood_at_its_boundary():
    builder, books = live_builder()
    (first,) = frames_until(builder, books, 310)
    books["XRP/USD"].apply([(102, 5)], [(101, 0), (103, 5)])
    builder.add([BookChanged("XRP/USD")])

    (second,) = frames_until(builder, books, 400)

    assert first.books["XRP/USD"].bids[0].ticks == 100
    assert second.books["XRP/USD"].bids[0].ticks == 102


def test_a_book_that_came_back_to_what_it_was_is_not_repeated():
    builder, books = live_builder()
    frames_until(builder, books, 310)
    builder.add([BookChanged("XRP/USD")])

    (frame,) = frames_until(builder, books, 400)

    assert frame.books == {}


def test_trades_keep_their_order():
    builder, books = live_builder()
    builder.add([TradeSeen(make_trade(1)), TradeSeen(make_trade(2))])

    (frame,) = frames_until(builder, books, 300)

    assert [trade.trade_id for trade in frame.trades] == [1, 2]


def test_every_five_seconds_a_frame_has_everything_again():
    builder, books = live_builder()

    frames = frames_until(builder, books, 10_000)

    keys = [frame for frame in frames if frame.is_keyframe]
    assert [(key.time_ns - T0) // MS for key in keys] == [300, 5_000, 10_000]
    assert keys[1].books == keys[0].books
    assert keys[1].statuses == keys[0].statuses
    assert (keys[1].system, keys[1].instruments) == ("online", (XRP,))


def test_a_lost_book_makes_its_symbol_stale_until_it_is_verified_again():
    builder, books = live_builder()
    frames_until(builder, books, 310)

    builder.add([BookLost("XRP/USD", "checksum", "")])
    (lost,) = frames_until(builder, books, 400)
    builder.add([BookChanged("XRP/USD")])
    (found,) = frames_until(builder, books, 500)

    assert lost.statuses == {"XRP/USD": "stale"}
    assert found.statuses == {"XRP/USD": "online"}


def test_a_disconnect_makes_all_stale_and_the_return_carries_the_gap():
    builder, books = live_builder()
    frames_until(builder, books, 310)

    builder.disconnect("cable cut", T0 + 310 * MS)
    dark = frames_until(builder, {}, 2_000)
    builder.add([BookChanged("XRP/USD")])
    (back,) = frames_until(builder, books, 2_100)

    assert dark[0].statuses == {"XRP/USD": "stale"}
    assert [frame.gap for frame in dark] == [None] * len(dark)
    assert back.gap == Gap(T0 + 300 * MS, T0 + 2_000 * MS, "cable cut")
    assert back.statuses == {"XRP/USD": "online"}


def test_a_gap_begins_at_the_last_message_and_not_when_the_connection_is_given_up():
    builder, books = live_builder()
    frames_until(builder, books, 10_310)

    builder.disconnect("nothing was received for 10 s", T0 + 350 * MS)
    frames_until(builder, {}, 11_000)
    builder.add([BookChanged("XRP/USD")])
    (back,) = frames_until(builder, books, 11_100)

    assert back.gap == Gap(T0 + 350 * MS, T0 + 11_000 * MS, "nothing was received for 10 s")


def test_of_a_sleep_there_are_no_frames_and_after_it_every_book_is_stale():
    builder, books = live_builder()
    frames_until(builder, books, 310)

    (before,) = builder.sleep(T0 + 320 * MS, T0 + 4_020 * MS, "the feed stood still", books)
    (after,) = frames_until(builder, {}, 4_100)
    builder.add([BookChanged("XRP/USD")])
    (verified,) = frames_until(builder, books, 4_200)

    assert before.time_ns == T0 + 400 * MS
    assert after.gap == Gap(T0 + 320 * MS, T0 + 4_000 * MS, "the feed stood still")
    assert after.statuses == {"XRP/USD": "stale"}
    assert after.is_keyframe
    assert verified.statuses == {"XRP/USD": "online"}


def test_while_nothing_comes_on_an_open_connection_no_book_is_shown_as_known():
    builder, books = live_builder()
    frames_until(builder, books, 310)

    builder.add([ConnectionQuiet(is_quiet=True)])
    (quiet,) = frames_until(builder, books, 400)
    builder.add([ConnectionQuiet(is_quiet=False)])
    (again,) = frames_until(builder, books, 500)

    assert (quiet.statuses, again.statuses) == ({"XRP/USD": "stale"}, {"XRP/USD": "online"})


def test_a_long_outage_is_reported_minute_by_minute_without_a_hole():
    builder, books = live_builder()
    frames_until(builder, books, 310)
    builder.disconnect("cable cut", T0 + 310 * MS)

    frames = frames_until(builder, {}, 150_000)
    builder.add([BookChanged("XRP/USD")])
    frames += frames_until(builder, books, 150_100)

    gaps = [((f.gap.from_ns - T0) // MS, (f.gap.to_ns - T0) // MS) for f in frames if f.gap]
    assert gaps == [(300, 60_000), (60_000, 120_000), (120_000, 150_000)]


def test_a_restarted_feed_has_what_nobody_received():
    last = (T0 + 300 * MS) // INTERVAL_NS
    builder = FrameBuilder(after_sequence=last)
    builder.advance(T0 + 5_050 * MS, {})

    (frame,) = builder.advance(T0 + 5_100 * MS, {})

    assert frame.gap == Gap(T0 + 300 * MS, T0 + 5_050 * MS, "the feed was not running")


def test_a_clock_that_was_set_back_waits_until_it_has_caught_up():
    last = (T0 + 1_000 * MS) // INTERVAL_NS
    builder = FrameBuilder(after_sequence=last)
    builder.advance(T0, {})

    waiting = builder.advance(T0 + 1_000 * MS, {})
    (frame,) = builder.advance(T0 + 1_100 * MS, {})

    assert waiting == []
    assert frame.sequence == last + 1


def test_a_silence_of_hours_is_a_gap_and_not_a_flood_of_empty_frames():
    builder, books = live_builder()
    hours_ms = 5 * 3_600 * 1_000

    before = frames_until(builder, books, hours_ms)
    (after,) = frames_until(builder, books, hours_ms + 100)

    assert hours_ms * MS // INTERVAL_NS > MAX_SILENT_FRAMES
    assert len(before) == 1
    assert after.gap == Gap(T0 + 300 * MS, T0 + hours_ms * MS, "no message came")
    assert after.is_keyframe


def test_frames_that_were_thrown_away_are_a_gap_and_everything_is_sent_again():
    builder, books = live_builder()
    frames_until(builder, books, 510)

    builder.lose_frames("Redis was away")
    (frame,) = frames_until(builder, books, 600)

    assert frame.gap is not None
    assert frame.gap.reason == "Redis was away"
    assert frame.is_keyframe


def test_the_end_of_a_recording_closes_the_frame_in_the_making():
    builder, books = live_builder()

    (frame,) = builder.finish(books)

    assert frame.time_ns == T0 + 300 * MS
    assert FrameBuilder().finish({}) == []
