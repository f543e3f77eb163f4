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

from marketdata.history import bulk_files
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
    assert Candle.objects.filter(market="kraken", timeframe="1h", trades__gt=0).count() == 133_821
    assert took_s < 20

    btc, eth = covered(gaps=100_000)
    assert (btc["symbol"], btc["timeframe"], btc["present"], btc["first"]) == (
        *("BTC/USD", "1h", 81_109),
        "2013-10-06T21:00:00Z",
    )
    hours = (datetime(2023, 1, 7, 9, tzinfo=UTC) - datetime(2013, 10, 6, 21, tzinfo=UTC)).total_seconds() / 3600 + 1
    assert (btc["present"], btc["missing"], btc["gaps"]) == (hours, 0, [])  # hours without a trade are not missing
    assert (eth["missing"], eth["gap_count"]) == (0, 0)


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
        ("unix,open,high,low,close,volume,trades", "start is b'unix'"),  # a header is the first line
        ("10800,1,1,1,1,1", "expected unix_s,open,high,low,close,volume,trades"),
        ("10800,1,1,1,1,1,1,1", "expected unix_s,open,high,low,close,volume,trades"),
        ("10801,1,1,1,1,1,1", "start is 10801; expected a multiple of 3600 seconds"),
        ("7200,1,1,1,1,1,1", "starts at 7200; expected later than 7200"),
        ("3600,1,1,1,1,1,1", "starts at 3600; expected later than 7200"),
        ("10800000000000,1,1,1,1,1,1", "start is b'10800000000000'"),
        ("10800,1,1,2,1,1,1", "expected 0 < low <= open and close <= high"),
        ("10800,1,1,0,1,1,1", "expected 0 < low"),
        ("10800,1,1,1,1.00000000000000001,1,1", "expected 0 < low"),
        ("10800,1,1,1,1,-1,1", "number is b'-1'"),
        ("10800,1,1,1,1,nan,1", "number is b'nan'"),
        ("10800,1,1,1,1,1e400,1", "number is b'1e400'"),
        ("10800,1,1,1,1,1e-19,1", "at most 18 decimals"),
        ("10800,1,1,1,1,1,1.5", "trades is b'1.5'"),
        ("x" * 5_000, "expected unix_s"),
        ("10800,1,1,1,1,\xb2,1", "number is"),
    ],
)
def test_an_odd_row_is_left_out_by_file_and_line_and_the_rest_is_taken(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = written(tmp_path / "XBTUSD_60.csv", f"{ROWS}{line}\n18000,1,1,1,1,1,1\n")
    out, errors = StringIO(), StringIO()

    call_command("import_candles", str(path), stdout=out, stderr=errors)

    assert "left out XBTUSD_60.csv, line 3: " in errors.getvalue()
    assert complaint in errors.getvalue()
    assert "3 rows read, 3 new" in out.getvalue()
    assert [candle.start.hour for candle in Candle.objects.order_by("start")] == [
        1,
        2,
        5,
    ]  # what lay between is unknown


def test_of_many_odd_rows_the_first_are_named_and_all_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "XBTUSD_60.csv", ROWS + "odd\n" * 500)
    errors = StringIO()

    call_command("import_candles", str(path), stdout=StringIO(), stderr=errors)

    assert errors.getvalue().count("left out") == 21
    assert "left out XBTUSD_60.csv: 480 more lines" in errors.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + ROWS,
        "time,open,high,low,close,volume,trades\n" + ROWS,
        "\ufeff" + '"Unix Time",open,high,low,close,volume,trade_count\r\n' + ROWS.replace("\n", "\r\n"),
        ROWS + "\n\n  \n",
        ROWS.replace("\n", "\n\n"),
        "".join(line + "\n" + line + "\n" for line in ROWS.split()),
        ROWS.rstrip(),
    ],
    ids=["mark", "header", "windows", "blank end", "blank between", "doubled", "no last newline"],
)
def test_what_spreadsheets_and_downloads_add_is_read_over(tmp_path: Path, text: str) -> None:
    errors = StringIO()

    call_command("import_candles", str(written(tmp_path / "XBTUSD_60.CSV", text)), stdout=StringIO(), stderr=errors)

    assert "left out" not in errors.getvalue()
    assert Candle.objects.count() == 2


def test_minutes_without_trades_are_flat_and_not_missing(tmp_path: Path) -> None:
    rows = "0,1,3,1,2,5,1\n240,7,7,7,7,1,1\n"
    out = StringIO()

    call_command("import_candles", str(written(tmp_path / "XBTUSD_1.csv", rows)), stdout=out, stderr=StringIO())

    (series,) = covered(symbol="BTC/USD")
    assert (series["present"], series["missing"]) == (5, 0)
    assert "2 rows read, 2 new, 0 duplicate, 3 without trades" in out.getvalue()
    flat = Candle.objects.filter(trades=0).values_list("open", "high", "low", "close", "volume")
    assert list(flat) == [(2, 2, 2, 2, 0)] * 3


def test_one_odd_member_is_left_out_and_what_is_said_to_be_stored_is(tmp_path: Path) -> None:
    path, out, errors = tmp_path / "some.zip", StringIO(), StringIO()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ADAUSD_60.csv", ROWS)
        archive.writestr("AAPLxUSD_60.csv", ROWS)
        archive.writestr("HAPPYUSD_60.csv", ROWS)
        archive.writestr("NEWUSD_60.csv", "")
        archive.writestr("SOLUSD_60.csv", "broken\n")
        archive.writestr("XBTARS_60.csv", ROWS)
        archive.writestr("inner.zip", b"PK")
        archive.writestr("q/XBTUSD_60.csv.gz", gzip.compress(ROWS.encode(), mtime=0))
        archive.writestr("r/ETHUSD_60.csv.gz", b"not gzip")

    call_command("import_candles", str(path), stdout=out, stderr=errors)

    stored = {"ADA/USD", "AAPLx/USD", "HAPPY/USD", "BTC/USD"}
    assert set(Candle.objects.values_list("symbol", flat=True)) == stored
    assert {line.split()[1] for line in out.getvalue().splitlines()} == stored
    for name in ("NEWUSD_60.csv", "SOLUSD_60.csv, line 1", "XBTARS_60.csv", "r/ETHUSD_60.csv.gz"):
        assert f"left out some.zip/{name}" in errors.getvalue()
    assert "left out inner.zip: an archive within the archive" in errors.getvalue()


def test_a_damaged_member_takes_nothing_with_it_and_is_stored_wholly_or_not(tmp_path: Path) -> None:
    path, errors = tmp_path / "some.zip", StringIO()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("ADAUSD_60.csv", ROWS)
        archive.writestr("SOLUSD_60.csv", ROWS.replace("103.5", "104.5"))
    path.write_bytes(path.read_bytes().replace(b"104.5", b"105.5"))  # its checksum is another now

    call_command("import_candles", str(path), stdout=StringIO(), stderr=errors)

    assert set(Candle.objects.values_list("symbol", flat=True)) == {"ADA/USD"}
    assert "left out some.zip/SOLUSD_60.csv cannot be read: Bad CRC-32" in errors.getvalue()


@pytest.mark.parametrize("text", [b"0" * (2 << 20), b"0,1,1,1,1,1,1\n" * (1 << 18)], ids=["one line", "one row"])
def test_a_bomb_is_named_and_not_unpacked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    monkeypatch.setattr(bulk_files, "ALWAYS_UNPACKED", 1 << 20)
    path = tmp_path / "XBTUSD_60.csv.gz"
    path.write_bytes(gzip.compress(text, mtime=0))

    with pytest.raises(CommandError, match=r"XBTUSD_60\.csv\.gz: .* bytes unpack to more than"):
        imported(path)


def test_a_bad_file_among_several_takes_nothing_with_it(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "XBTUSD_60.csv.gz"), written(tmp_path / "SOLUSD_60.csv", "broken\n")

    with pytest.raises(CommandError, match=r"SOLUSD_60\.csv: it holds no candle.* What is listed above is stored"):
        imported(bad, good)

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
    rows = "".join(f"{start * 60},1,1,1,1,1,1\n" for start in range(11))
    imported(written(tmp_path / "XBTUSD_1.csv", rows))
    Candle.objects.filter(start__minute__in=[2, 3, 4, 7, 8]).delete()

    (series,) = covered(market="kraken", symbol="BTC/USD")

    assert (series["present"], series["missing"], series["gap_count"]) == (6, 5, 2)
    assert series["gaps"] == [
        {"start": "1970-01-01T00:02:00Z", "end": "1970-01-01T00:05:00Z", "candles": 3},
        {"start": "1970-01-01T00:07:00Z", "end": "1970-01-01T00:09:00Z", "candles": 2},
    ]


def test_coverage_reads_as_text_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    empty, out = StringIO(), StringIO()
    call_command("coverage", stdout=empty)
    imported(written(tmp_path / "XBTUSD_60.csv", "0,1,1,1,1,1,1\nodd\n7200,1,1,1,1,1,1\n"))
    call_command("coverage", stdout=out)

    assert "no candles are stored" in empty.getvalue()
    assert "BTC/USD     1h" in out.getvalue()
    assert "2 present          1 missing in 1 gaps" in out.getvalue()
    assert "1970-01-01 01:00 to 1970-01-01 02:00          1 missing" in out.getvalue()
