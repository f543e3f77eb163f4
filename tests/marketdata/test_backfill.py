"""History from a REST exchange whose every trade is known."""

from __future__ import annotations

from bisect import bisect_right
from io import StringIO
from random import Random

import httpx
import pytest
from django.core.management import CommandError, call_command

from marketdata.history.backfill import Backfilled, backfill
from marketdata.kraken.rest import KrakenRest, Pace, RestUnavailable
from marketdata.models import Candle as CandleRow
from marketdata.services import record_candles
from tests.drawing import instrument
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES, Candle, width_ns
from trading.frames import NS_PER_S, utc
from trading.minutes import CandleBuilder

pytestmark = pytest.mark.django_db
DAY_NS = 1_440 * MINUTE_NS
LISTED_NS = 1_783_425_600 * NS_PER_S  # 2026-07-07T12:00:00Z
NOW_NS = LISTED_NS + 40 * 60 * MINUTE_NS + 25 * NS_PER_S
BTC = instrument("BTC/USD", price_decimals=1, qty_decimals=8)


def trades_since_listing() -> list[tuple[int, int, int]]:
    """Return (time ns, ticks, lots), some minutes without any and some times shared."""
    chance, now_ns, trades = Random(1), LISTED_NS, []
    while now_ns < NOW_NS:
        now_ns += chance.choice([0, 5, 20, 50, 200]) * NS_PER_S
        trades.append((now_ns, chance.randrange(9_000, 11_000), chance.randrange(1, 10**10)))
    return [trade for trade in trades if trade[0] < NOW_NS]


class Kraken:
    """Kraken's REST API over those trades."""

    def __init__(self, fails_after: int = 10**9) -> None:
        self.trades = trades_since_listing()
        self.requested: list[str] = []
        self.fails_after = fails_after
        self.rest = KrakenRest(
            "https://kraken.test",
            pace=Pace(0.0, sleep=lambda _: None),
            transport=httpx.MockTransport(self.answer),
        )

    def minutes(self) -> list[Candle]:
        builder = CandleBuilder()
        closed = [c for number, trade in enumerate(self.trades) for c in builder.add(number, *trade)[0]]
        return closed + builder.close_until(NOW_NS)

    def answer(self, request: httpx.Request) -> httpx.Response:
        endpoint = request.url.path.rpartition("/")[2]
        self.requested.append(endpoint)
        if len(self.requested) > self.fails_after:
            return httpx.Response(503)
        about = request.url.params
        result = self.ohlc(int(about["interval"])) if endpoint == "OHLC" else self.page(int(about["since"]))
        return httpx.Response(200, json={"error": [], "result": result})

    def ohlc(self, interval: int) -> dict[str, object]:
        rows: dict[int, list] = {}
        for minute in self.minutes():
            start_s = minute.start_ns // NS_PER_S // (interval * 60) * interval * 60
            rows.setdefault(start_s, []).append(minute)
        rows_sent = [ohlc_row(start_s, parts) for start_s, parts in rows.items()][-721:]
        return {"XXBTZUSD": rows_sent, "last": NOW_NS // NS_PER_S // (interval * 60) * interval * 60 - interval * 60}

    def page(self, since_ns: int) -> dict[str, object]:
        first = bisect_right(self.trades, since_ns, key=lambda trade: trade[0])
        rows = [
            [text(ticks), f"{lots / 10**8:.8f}", time_ns / 10**9, "b", "l", "", first + at]
            for at, (time_ns, ticks, lots) in enumerate(self.trades[first : first + 1000])
        ]
        last = self.trades[first : first + 1000][-1][0] - 1 if rows else since_ns  # a border shared by two pages
        return {"XXBTZUSD": rows, "last": str(max(last, since_ns))}


def ohlc_row(start_s: int, parts: list[Candle]) -> list:
    high, low = max(p.high for p in parts), min(p.low for p in parts)
    prices = [text(ticks) for ticks in (parts[0].open, high, low, parts[-1].close)]
    return [start_s, *prices, "0", f"{sum(p.volume for p in parts) / 10**8:.8f}", sum(p.trades for p in parts)]


def text(ticks: float) -> str:
    return f"{ticks / 10:.1f}"


def filled(kraken: Kraken, since_ns: int) -> Backfilled:
    return backfill(market="kraken", instrument=BTC, rest=kraken.rest, since_ns=since_ns, progress=lambda *_: None)


def stored(timeframe: str) -> list[tuple]:
    rows = CandleRow.objects.filter(timeframe=timeframe).order_by("start")
    return list(rows.values_list("start", "open", "high", "low", "close", "volume", "trades"))


def expected(minutes: list[Candle]) -> list[tuple]:
    return [
        (
            utc(m.start_ns),
            *(BTC.price(int(p)) for p in (m.open, m.high, m.low, m.close)),
            BTC.qty(int(m.volume)),
            m.trades,
        )
        for m in minutes
    ]


def test_twelve_hours_come_from_ohlc_alone() -> None:
    kraken = Kraken()

    done = filled(kraken, NOW_NS - DAY_NS // 2)

    assert set(kraken.requested) == {"OHLC"}
    assert stored("1m") == expected(kraken.minutes()[-719:])
    assert done.new == CandleRow.objects.count()


def test_beyond_twelve_hours_trades_give_the_candles_that_a_feed_would_have_built() -> None:
    kraken = Kraken()

    done = filled(kraken, LISTED_NS)

    assert stored("1m") == expected(kraken.minutes())
    assert any(minute.is_flat for minute in kraken.minutes()[:-720])
    assert done.trades > 1_000
    # Counted backwards from now, every longer candle of complete minutes is there.
    for timeframe in ("5m", "15m", "1h", "4h"):
        starts = [row[0] for row in stored(timeframe)]
        assert len(starts) >= (NOW_NS - LISTED_NS) // width_ns(timeframe) - 1
        assert starts == sorted(set(starts))


def test_a_second_backfill_reads_no_trade_and_writes_nothing() -> None:
    filled(Kraken(), LISTED_NS)
    before = list(CandleRow.objects.order_by("pk").values())
    again = Kraken()

    done = filled(again, LISTED_NS + MINUTE_NS)

    assert (done.new, done.trades, set(again.requested)) == (0, 0, {"OHLC"})
    assert list(CandleRow.objects.order_by("pk").values()) == before


def test_one_that_broke_off_goes_on_where_it_was() -> None:
    breaking = Kraken(fails_after=len(TIMEFRAME_MINUTES) + 1)
    with pytest.raises(RestUnavailable, match="Trades of XBTUSD: no answer in 5 tries; the last: HTTP 503"):
        filled(breaking, LISTED_NS)
    partly = len(stored("1m"))
    kraken = Kraken()

    done = filled(kraken, LISTED_NS)

    assert 720 < partly < len(kraken.minutes())
    assert stored("1m") == expected(kraken.minutes())
    assert done.trades < len(kraken.trades) - 900


def test_a_hole_is_filled_and_what_lies_beside_it_stays() -> None:
    kraken = Kraken()
    minutes = kraken.minutes()
    marked = Candle(minutes[5].start_ns, 5, 5, 5, 5, 5, 5)
    record_candles(market="kraken", instrument=BTC, timeframe="1m", candles=[marked])

    filled(kraken, LISTED_NS)

    assert stored("1m") == expected([*minutes[:5], marked, *minutes[6:]])


@pytest.mark.parametrize(
    ("since", "complaint"),
    [("yesterday", "--since is 'yesterday'; expected an ISO time"), ("2999-01-01", "expected a time in the past")],
)
def test_a_time_that_cannot_be_is_refused_by_name(since: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        call_command("backfill", since=since, stdout=StringIO())
