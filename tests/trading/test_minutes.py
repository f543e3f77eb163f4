import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import START_NS, instrument
from trading.book import Side
from trading.candles import MINUTE_NS, Candle, rolled_up
from trading.frames import Frame, Gap, History, Trade
from trading.market import Market
from trading.minutes import KEPT_MINUTES, CandleBuilder

XRP = instrument("XRP/USD")
SECOND_NS = 1_000_000_000


def make_trade(trade_id: int, second: float, ticks: int, lots: int = 1) -> Trade:
    return Trade("XRP/USD", trade_id, Side.BUY, ticks, lots, START_NS + int(second * SECOND_NS))


class Watched:
    """A market that receives prints by the second of their frame, counted from noon."""

    def __init__(self) -> None:
        self.market = Market()
        self.written: dict[tuple[str, int], Candle] = {}
        self.at(0.1)

    def at(self, second: float, *trades: Trade, late: tuple[Trade, ...] = (), gap: Gap | None = None) -> None:
        time_ns = START_NS + int(second * SECOND_NS)
        frame = Frame(
            sequence=time_ns // 100_000_000, time_ns=time_ns, trades=trades, late=late, instruments=(XRP,), gap=gap
        )
        for closed in self.market.fold(frame):
            self.written[closed.timeframe, closed.candle.start_ns] = closed.candle

    def minutes(self) -> list[Candle]:
        return [candle for (timeframe, _), candle in sorted(self.written.items()) if timeframe == "1m"]


def test_minutes_become_candles_and_minutes_without_trades_are_flat() -> None:
    builder = CandleBuilder()
    builder.add(1, START_NS + 1, 100, 5)
    builder.add(2, START_NS + 2, 103, 5)
    builder.add(3, START_NS + 3, 99, 1)

    closed, corrected = builder.add(4, START_NS + 2 * MINUTE_NS, 104, 1)

    assert closed == [
        Candle(START_NS, 100, 103, 99, 99, 11, 3),
        Candle(START_NS + MINUTE_NS, 99, 99, 99, 99, 0, 0),
    ]
    assert closed[1].is_flat
    assert corrected == []


def test_a_late_print_corrects_its_minute_and_the_flat_ones_after_it() -> None:
    builder = CandleBuilder()
    builder.add(1, START_NS, 100, 5)
    builder.close_until(START_NS + 3 * MINUTE_NS)

    _, corrected = builder.add(2, START_NS + 30, 90, 1)

    assert corrected == [
        Candle(START_NS, 100, 100, 90, 90, 6, 2),
        Candle(START_NS + MINUTE_NS, 90, 90, 90, 90, 0, 0),
        Candle(START_NS + 2 * MINUTE_NS, 90, 90, 90, 90, 0, 0),
    ]
    assert builder.close_until(START_NS + 4 * MINUTE_NS) == [Candle(START_NS + 3 * MINUTE_NS, 90, 90, 90, 90, 0, 0)]


def test_a_print_that_comes_too_late_changes_nothing() -> None:
    builder = CandleBuilder()
    builder.add(1, START_NS, 100, 5)
    builder.close_until(START_NS + (KEPT_MINUTES + 1) * MINUTE_NS)

    assert builder.add(2, START_NS + 30, 90, 1) == ([], [])


def test_a_minute_that_was_not_watched_whole_gives_no_candle() -> None:
    builder = CandleBuilder()
    builder.add(1, START_NS, 100, 5)
    builder.interrupt(START_NS + 10 * MINUTE_NS + 1)
    builder.add(9, START_NS + 10 * MINUTE_NS + 2, 107, 1)

    assert builder.close_until(START_NS + 12 * MINUTE_NS) == [
        Candle(START_NS + 11 * MINUTE_NS, 107, 107, 107, 107, 0, 0)
    ]


@given(st.permutations(range(12)), st.lists(st.integers(0, 179), min_size=12, max_size=12))
def test_the_order_in_which_prints_come_changes_no_candle(order: list[int], seconds: list[int]) -> None:
    trades = [make_trade(n + 1, second, 100 + n * 7 % 5, n + 1) for n, second in enumerate(sorted(seconds))]
    first, in_order, shuffled = make_trade(0, 0, 50), CandleBuilder(), CandleBuilder()
    built: list[dict[int, Candle]] = []

    for builder, received in ((in_order, trades), (shuffled, [trades[at] for at in order])):
        minutes: dict[int, Candle] = {}
        for trade in (first, *received):
            closed, corrected = builder.add(trade.trade_id, trade.time_ns, trade.ticks, trade.lots)
            minutes |= {candle.start_ns: candle for candle in (*closed, *corrected)}
        minutes |= {candle.start_ns: candle for candle in builder.close_until(START_NS + 4 * MINUTE_NS)}
        built.append(minutes)

    assert built[0] == built[1]


def test_a_late_print_corrects_the_longer_candles_too() -> None:
    watched = Watched()
    for minute in range(6):
        watched.at(minute * 60 + 30, make_trade(2 * minute + 1, minute * 60 + 29, 100 + minute))
    assert watched.written["5m", START_NS].low == 100

    watched.at(361, late=(make_trade(6, 145, 7, 3),))

    five = watched.written["5m", START_NS]
    assert (five.low, five.volume, five.trades) == (7, 8, 6)
    assert five == rolled_up(watched.minutes(), "5m", START_NS + 5 * MINUTE_NS)
    series = watched.market.snapshot().candles("XRP/USD", "5m")
    assert series[-1].low == 7 / 10**XRP.price_decimals


def test_a_late_print_is_no_news_of_the_price() -> None:
    watched = Watched()
    watched.at(1, make_trade(1, 1, 100), make_trade(3, 1, 105))

    watched.at(2, late=(make_trade(2, 1, 103),))

    snapshot = watched.market.snapshot()
    assert snapshot.last_ticks("XRP/USD") == 105
    assert [round(p.price * 10**XRP.price_decimals) for p in snapshot.trades("XRP/USD")] == [100, 103, 105]


def test_a_market_restored_between_a_candle_and_its_correction_corrects_it_alike() -> None:
    watched = Watched()
    for minute in range(6):
        watched.at(minute * 60 + 30, make_trade(2 * minute + 1, minute * 60 + 29, 100 + minute))
    payload = watched.market.checkpoint()
    watched.at(361, late=(make_trade(6, 145, 7, 3),))

    again = Watched()
    again.market = Market.restore(payload, ())  # rows that were corrected since are not those of the checkpoint
    again.at(361, late=(make_trade(6, 145, 7, 3),))

    assert again.market.checkpoint() == watched.market.checkpoint()
    one, other = (w.market.snapshot().candles("XRP/USD", "5m") for w in (watched, again))
    assert list(one) == list(other)


def test_the_minute_in_which_watching_begins_is_left_to_history() -> None:
    watched = Watched()
    watched.market = Market()
    watched.at(20, make_trade(1, 20, 100))
    watched.at(61)
    assert watched.minutes() == []

    watched.market.fold(
        Frame(
            sequence=(START_NS + 62 * SECOND_NS) // 100_000_000,
            time_ns=START_NS + 62 * SECOND_NS,
            history=(History("XRP/USD", "1m", ((START_NS, 90, 110, 80, 100, 7, 2),)),),
        )
    )
    watched.at(121)

    assert [c.close for c in watched.market.snapshot().candles("XRP/USD")] == [100 / 10**XRP.price_decimals] * 2


def test_the_minutes_of_a_builder_survive_a_checkpoint() -> None:
    builder = CandleBuilder()
    builder.add(1, START_NS, 100, 5)
    builder.add(2, START_NS + MINUTE_NS, 101, 5)

    again = msgspec.msgpack.decode(msgspec.msgpack.encode(builder), type=CandleBuilder)

    assert again == builder
    assert again.add(3, START_NS + 5, 99, 1) == builder.add(3, START_NS + 5, 99, 1)


def test_the_open_minute_is_shown_as_it_stands() -> None:
    watched = Watched()
    watched.at(1, make_trade(1, 0.5, 100, 2))
    watched.at(2, make_trade(2, 1.5, 98, 1))

    assert watched.market.forming("XRP/USD") == Candle(START_NS, 100, 100, 98, 98, 3, 2)


def test_an_open_minute_without_a_trade_is_flat() -> None:
    watched = Watched()
    watched.at(1, make_trade(1, 0.5, 100))
    watched.at(61)

    assert watched.market.forming("XRP/USD") == Candle(START_NS + MINUTE_NS, 100, 100, 100, 100, 0, 0)


def test_an_open_minute_that_was_not_watched_from_its_beginning_is_not_shown() -> None:
    watched = Watched()
    watched.at(1, make_trade(1, 0.5, 100))
    watched.at(20, make_trade(2, 19.5, 101), gap=Gap(START_NS + SECOND_NS, START_NS + 20 * SECOND_NS, "drawn"))
    during = watched.market.forming("XRP/USD")

    watched.at(61, make_trade(3, 60.5, 102))

    assert during is None
    assert watched.market.forming("XRP/USD") == Candle(START_NS + MINUTE_NS, 102, 102, 102, 102, 1, 1)


def test_before_any_trade_no_minute_is_open() -> None:
    assert Watched().market.forming("XRP/USD") is None
    assert Market().forming("BTC/USD") is None


@pytest.mark.parametrize("ahead_s", [90, 5_400, 86_400 * 365])
def test_one_print_from_the_future_ends_no_minute_and_starts_none(ahead_s: int) -> None:
    watched = Watched()
    for second in range(0, 420, 10):
        watched.at(second + 0.2, make_trade(second + 1, second + 0.1, 100))
        if second == 130:
            watched.at(second + 0.3, make_trade(second + 2, second + ahead_s, 900))

    minutes = watched.minutes()

    wrong_minute = (130 + ahead_s) // 60 if ahead_s == 90 else None  # within what a clock may be wrong by
    assert [candle.start_ns for candle in minutes] == [START_NS + minute * MINUTE_NS for minute in range(6)]
    assert [candle.trades for candle in minutes] == [6 + (minute == wrong_minute) for minute in range(6)]


def test_a_print_from_decades_ago_is_no_minute_and_costs_no_time() -> None:
    builder = CandleBuilder()
    builder.add(1, 0, 100, 1)

    assert builder.close_until(START_NS) == []
    assert len(builder.close_until(START_NS + MINUTE_NS)) == 1


def test_trade_ids_that_begin_anew_are_newer_than_all_before_them() -> None:
    watched = Watched()
    watched.at(10, make_trade(900, 9, 100))

    frame = Frame(
        sequence=(START_NS + 20 * SECOND_NS) // 100_000_000,
        time_ns=START_NS + 20 * SECOND_NS,
        trades=(make_trade(1, 19, 105), make_trade(2, 19.5, 103)),
        renumbered=("XRP/USD",),
    )
    watched.market.fold(frame)

    assert watched.market.snapshot().last_ticks("XRP/USD") == 103
    forming = watched.market.forming("XRP/USD")
    assert forming is not None
    assert (forming.open, forming.close, forming.trades) == (100, 103, 3)
