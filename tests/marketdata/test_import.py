"""Kraken's bulk files into PostgreSQL, and what is then covered."""

from __future__ import annotations

import gzip
import json
import time
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketdata.models import Candle
from tests.captures import DATA

pytestmark = pytest.mark.django_db
CANDLES = DATA / "candles"
HOURLY = [CANDLES / "kraken_XBTUSD_60.csv.gz", CANDLES / "kraken_ETHUSD_60.csv.gz"]
ROWS = "3600,100.0,103.5,99.1,101.2,2.5,7\n7200,101.2,101.2,101.2,101.2,1E+1,1\n"


def imported(*files: Path, **options: object) -> str:
    out = StringIO()
    call_command("import_candles", *map(str, files), stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def covered(**options: object) -> list[dict]:
    out = StringIO()
    call_command("coverage", stdout=out, json=True, **options)
    return json.loads(out.getvalue())


def written(path: Path, text: str = ROWS) -> Path:
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())
    return path


def test_the_hourly_files_load_in_seconds_and_twice_without_duplicates() -> None:
    began = time.perf_counter()
    first = imported(*HOURLY)
    took_s = time.perf_counter() - began
    second = imported(*HOURLY)

    assert "BTC/USD 1h: 70,253 rows read, 70,253 new, 0 duplicate" in first
    assert "ETH/USD 1h: 63,568 rows read, 63,568 new, 0 duplicate" in first
    assert "BTC/USD 1h: 70,253 rows read, 0 new, 70,253 duplicate" in second
    assert Candle.objects.filter(market="kraken", timeframe="1h").count() == 133_821
    assert took_s < 20

    btc, eth = covered(gaps=100_000)
    assert (btc["symbol"], btc["timeframe"], btc["present"], btc["first"]) == (
        *("BTC/USD", "1h", 70_253),
        "2013-10-06T21:00:00Z",
    )
    hours = (datetime(2023, 1, 7, 9, tzinfo=UTC) - datetime(2013, 10, 6, 21, tzinfo=UTC)).total_seconds() / 3600 + 1
    assert btc["present"] + btc["missing"] == hours
    assert sum(gap["candles"] for gap in btc["gaps"]) == btc["missing"]
    assert eth["gap_count"] == len(eth["gaps"]) > 0


def test_every_number_is_stored_as_it_stands(tmp_path: Path) -> None:
    imported(written(tmp_path / "XDGUSD_60.csv"))

    one, other = Candle.objects.order_by("start")
    assert (one.symbol, one.timeframe, one.start) == ("DOGE/USD", "1h", datetime(1970, 1, 1, 1, tzinfo=UTC))
    numbers = (one.open, one.high, one.low, one.close, one.volume, one.trades)
    assert numbers == (*map(Decimal, ("100", "103.5", "99.1", "101.2", "2.5")), 7)
    assert (other.volume, other.sequence) == (10, 0)


def test_an_archive_is_read_whole_and_what_is_not_stored_is_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "Kraken_OHLCVT.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/XBTUSD_60.csv", ROWS)
        archive.writestr("data/ETHXBT_240.csv", "14400,1,1,1,1,1,1\n")
        archive.writestr("data/XBTUSD_720.csv", ROWS)
        archive.writestr("data/readme.txt", "hello")

    errors = StringIO()
    call_command("import_candles", str(path), stdout=StringIO(), stderr=errors)

    assert set(Candle.objects.values_list("symbol", "timeframe")) == {("BTC/USD", "1h"), ("ETH/BTC", "4h")}
    assert "left out data/XBTUSD_720.csv: candles of this interval are not stored" in errors.getvalue()
    assert "left out data/readme.txt" in errors.getvalue()


def test_an_archive_may_be_read_for_one_pair(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XBTUSD_60.csv", ROWS)
        archive.writestr("ETHUSD_60.csv", ROWS)

    imported(path, symbol="ETH/USD")

    assert set(Candle.objects.values_list("symbol", flat=True)) == {"ETH/USD"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("unix,open,high,low,close,volume,trades", "start is b'unix'"),
        ("10800,1,1,1,1,1", "expected unix_s,open,high,low,close,volume,trades"),
        ("10800,1,1,1,1,1,1,1", "expected unix_s,open,high,low,close,volume,trades"),
        ("10801,1,1,1,1,1,1", "start is 10801; expected a multiple of 3600 seconds"),
        ("7200,1,1,1,1,1,1", "starts at 7200; expected later than 7200"),
        ("10800000000000,1,1,1,1,1,1", "start is b'10800000000000'"),
        ("10800,1,1,2,1,1,1", "expected 0 < low <= open and close <= high"),
        ("10800,1,1,0,1,1,1", "expected 0 < low"),
        ("10800,1,1,1,1.00000000000000001,1,1", "expected 0 < low"),
        ("10800,1,1,1,1,-1,1", "number is b'-1'"),
        ("10800,1,1,1,1,nan,1", "number is b'nan'"),
        ("10800,1,1,1,1,1e400,1", "number is b'1e400'"),
        ("10800,1,1,1,1,1e-19,1", "at most 18 decimals"),
        ("10800,1,1,1,1,1,1.5", "trades is b'1.5'"),
        ("", "got b''"),
        ("x" * 5_000, "expected unix_s"),
        ("10800,1,1,1,1,\xb2,1", "number is"),
    ],
)
def test_a_bad_row_is_named_by_line_and_nothing_of_its_file_is_written(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = written(tmp_path / "XBTUSD_60.csv", ROWS + line + "\n")

    with pytest.raises(CommandError) as refused:
        imported(path)

    assert str(refused.value).startswith("XBTUSD_60.csv, line 3: ")
    assert complaint in str(refused.value)
    assert Candle.objects.count() == 0


def test_a_file_before_the_bad_one_stays_and_an_archive_is_one_file(tmp_path: Path) -> None:
    good = written(tmp_path / "XBTUSD_60.csv.gz")
    bad = tmp_path / "some.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("ETHUSD_60.csv", ROWS)
        archive.writestr("SOLUSD_60.csv", "broken\n")

    with pytest.raises(CommandError, match=r"some\.zip/SOLUSD_60\.csv, line 1: .*Nothing of some\.zip was written"):
        imported(good, bad)

    assert set(Candle.objects.values_list("symbol", flat=True)) == {"BTC/USD"}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("history.csv", ROWS.encode(), "expected a name like XBTUSD_60.csv"),
        ("XBTUSD_30.csv", ROWS.encode(), "candles of this interval are not stored"),
        ("FOOBAR_60.csv", ROWS.encode(), "pair is 'FOOBAR'"),
        ("XBTUSD_60.csv.gz", b"not gzip at all", "cannot be read"),
        ("XBTUSD_60.csv.gz", gzip.compress(ROWS.encode(), mtime=0)[:-12], "cannot be read"),
        ("all.zip", b"not a zip", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(CommandError, match=complaint):
        imported(path)
    assert Candle.objects.count() == 0


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"XBTUSD_1\.csv cannot be read: .*No such file"):
        imported(tmp_path / "XBTUSD_1.csv")


def test_a_lone_file_is_what_the_user_says_it_is(tmp_path: Path) -> None:
    imported(written(tmp_path / "FOOBAR_60.csv"), symbol="FOO/BAR", market="simulated:7")

    assert set(Candle.objects.values_list("market", "symbol")) == {("simulated:7", "FOO/BAR")}


def test_coverage_lists_gaps_longest_first(tmp_path: Path) -> None:
    starts = [0, 1, 5, 6, 9, 10]
    rows = "".join(f"{start * 60},1,1,1,1,1,1\n" for start in starts)
    imported(written(tmp_path / "XBTUSD_1.csv", rows))

    (series,) = covered(market="kraken", symbol="BTC/USD")

    assert (series["present"], series["missing"], series["gap_count"]) == (6, 5, 2)
    assert series["gaps"] == [
        {"start": "1970-01-01T00:02:00Z", "end": "1970-01-01T00:05:00Z", "candles": 3},
        {"start": "1970-01-01T00:07:00Z", "end": "1970-01-01T00:09:00Z", "candles": 2},
    ]


def test_coverage_reads_as_text_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    empty, out = StringIO(), StringIO()
    call_command("coverage", stdout=empty)
    imported(written(tmp_path / "XBTUSD_60.csv", "0,1,1,1,1,1,1\n7200,1,1,1,1,1,1\n"))
    call_command("coverage", stdout=out)

    assert "no candles are stored" in empty.getvalue()
    assert "BTC/USD     1h" in out.getvalue()
    assert "2 present          1 missing in 1 gaps" in out.getvalue()
    assert "1970-01-01 01:00 to 1970-01-01 02:00          1 missing" in out.getvalue()
