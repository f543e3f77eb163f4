"""Writing candles by the hundred thousand: copied beside the table, then taken over where they are new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection, transaction

from marketdata.history.bulk_files import BulkRow
from trading.candles import TIMEFRAME_MINUTES

_CHUNK = 5_000  # rows a time on their way to PostgreSQL
_STAGE = """
CREATE TEMPORARY TABLE staged_candle (
    start_s bigint, open numeric(36,18), high numeric(36,18), low numeric(36,18), close numeric(36,18),
    volume numeric(36,18), trades integer, follows boolean
) ON COMMIT DROP
"""
_TAKE_OVER = """
INSERT INTO marketdata_candle (market, symbol, timeframe, start, open, high, low, close, volume, trades, sequence)
SELECT %s, %s, %s, to_timestamp(start_s), open, high, low, close, volume, trades, 0 FROM staged_candle
ON CONFLICT (market, symbol, timeframe, start) DO NOTHING
"""
# A bulk file has no row where nobody traded: between two of its rows the price stood still. What lies before a row that
# follows a line left out is not known; nor is a silence that would be longer than an order book stays one.
_FILL_FLAT = """
INSERT INTO marketdata_candle (market, symbol, timeframe, start, open, high, low, close, volume, trades, sequence)
SELECT %(market)s, %(symbol)s, %(timeframe)s, to_timestamp(flat_s), close, close, close, close, 0, 0, 0
FROM (
    SELECT start_s, close, lead(start_s) OVER rows AS next_s, lead(follows) OVER rows AS is_known
    FROM staged_candle WINDOW rows AS (ORDER BY start_s)
) AS neighbours, generate_series(start_s + %(width_s)s, next_s - %(width_s)s, %(width_s)s) AS flat_s
WHERE is_known AND next_s - start_s <= %(most)s * %(width_s)s
ON CONFLICT (market, symbol, timeframe, start) DO NOTHING
"""
_MOST_FLAT = 10_080  # candles in a row: a week of minutes
# Prices of the first and the last minute, whatever the order in which rows are found.
_ROLL_UP = """
INSERT INTO marketdata_candle (market, symbol, timeframe, start, open, high, low, close, volume, trades, sequence)
SELECT market, symbol, %(timeframe)s, date_bin(%(width)s::interval, start, 'epoch'::timestamptz) AS bucket,
       (array_agg(open ORDER BY start))[1], max(high), min(low), (array_agg(close ORDER BY start DESC))[1],
       sum(volume), sum(trades), 0
FROM marketdata_candle
WHERE market = %(market)s AND symbol = %(symbol)s AND timeframe = '1m'
GROUP BY market, symbol, bucket HAVING count(*) = %(minutes)s
ON CONFLICT (market, symbol, timeframe, start) DO NOTHING
"""


class Imported(NamedTuple):
    """The counts of a file's rows."""

    read: int
    new: int
    flat: int = 0  # candles without trades that lie between the rows, and were not there

    @property
    def duplicate(self) -> int:
        """Rows that were there already."""
        return self.read - self.new


@transaction.atomic
def import_rows(*, market: str, symbol: str, timeframe: str, rows: Iterable[BulkRow]) -> Imported:
    """Write candles of one pair and interval, all or none; what is there already stays as it is.

    An interval between two rows is one in which nobody traded: its candle is flat.
    """
    read = 0
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY staged_candle FROM STDIN (FORMAT csv)") as copy:
            chunk: list[bytes] = []
            for row in rows:
                chunk.append(b"%d,%b,%b\n" % (row.start_s, row.fields, b"t" if row.follows else b"f"))
                read += 1
                if len(chunk) == _CHUNK:
                    copy.write(b"".join(chunk))
                    chunk.clear()
            copy.write(b"".join(chunk))
        cursor.execute(_TAKE_OVER, [market, symbol, timeframe])
        new = cursor.rowcount
        about: dict[str, str | int] = {"market": market, "symbol": symbol, "timeframe": timeframe}
        width_s = TIMEFRAME_MINUTES[timeframe] * 60
        cursor.execute(_FILL_FLAT, {**about, "width_s": width_s, "most": _MOST_FLAT})
        flat = cursor.rowcount
        cursor.execute("DROP TABLE staged_candle")
    return Imported(read, new, flat)


@transaction.atomic
def roll_up_minutes(*, market: str, symbol: str) -> int:
    """Write the longer candles whose every minute is stored; return how many were new."""
    written = 0
    with connection.cursor() as cursor:
        for timeframe, minutes in TIMEFRAME_MINUTES.items():
            if timeframe != "1m":
                about: dict[str, str | int] = {"market": market, "symbol": symbol, "timeframe": timeframe}
                cursor.execute(_ROLL_UP, {**about, "minutes": minutes, "width": f"{minutes} minutes"})
                written += cursor.rowcount
    return written
