"""Kraken's downloadable history: CSV of one pair and interval, gzipped or not, or a ZIP of many."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from trading.candles import TIMEFRAME_MINUTES

_TIMEFRAMES = {minutes: timeframe for timeframe, minutes in TIMEFRAME_MINUTES.items()}
_NAME = re.compile(r"(?:kraken_)?(?P<altname>[A-Z0-9]+)_(?P<minutes>\d{1,5})\.csv(?:\.gz)?", re.ASCII | re.IGNORECASE)
_COLUMNS = "unix_s,open,high,low,close,volume,trades"
_PRICE = re.compile(rb"\d{1,7}(?:\.\d{1,8})?", re.ASCII)  # nearly all: floats order 15 digits as decimals do
_VOLUME = re.compile(rb"\d{1,17}(?:\.\d{1,18})?", re.ASCII)
_HEADER = re.compile(rb"[\"' _A-Za-z]+(?:,[\"' _A-Za-z]+){6}", re.ASCII)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_LINE = 400  # bytes
_NAMED_LINES = 20  # of one file that are left out; more are counted
# Numbers as text become a tenth of their size at best: what becomes a hundredth is no history, but a bomb.
_MAX_RATIO = 100
ALWAYS_UNPACKED = 64 << 20  # bytes, whatever the ratio
_MAX_TRADES = 2**31 - 1
_LATEST_S = 4_102_444_800  # the year 2100: a later start is in other units than seconds
_LARGEST = Decimal(10) ** 17
_FINEST = -18


class InvalidBulkFile(ValueError):
    """A file that is not what Kraken offers, or is so only up to the line named."""


class BulkRow(NamedTuple):
    """One candle, its numbers as they stand in the file."""

    start_s: int
    fields: bytes  # open,high,low,close,volume,trades
    follows: bool = True  # False: a line before it was left out, so that what lies between is not known


@dataclass(frozen=True, slots=True)
class BulkFile:
    """One pair's candles of one interval."""

    name: str  # as errors call it
    altname: str
    timeframe: str
    rows: Iterator[BulkRow]  # read as they are iterated over; InvalidBulkFile: the rest cannot be read


def named_pair(name: str) -> tuple[str, str] | None:
    """Return the altname and timeframe in a file's name; None when we store no such interval.

    Raises:
        InvalidBulkFile: it is not named as Kraken names its files.
    """
    match = _NAME.fullmatch(PurePosixPath(name).name)
    if match is None:
        raise InvalidBulkFile(f"{name}: expected a name like XBTUSD_60.csv: the pair, its interval in minutes")
    timeframe = _TIMEFRAMES.get(int(match["minutes"]))
    return None if timeframe is None else (match["altname"], timeframe)


@contextmanager
def opened(path: Path, skipped: Callable[[str], None], progress: Callable[[int], None]) -> Iterator[Iterator[BulkFile]]:
    """Open a bulk file and yield what it holds, one pair and interval after the other.

    ``skipped`` receives a line for each archive member, and each row, that is left out; ``progress``
    how many bytes of the file itself have been read.

    Raises:
        InvalidBulkFile: it cannot be read, or no candle in it would be stored.
    """
    with _readable(path.name), path.open("rb") as raw:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(raw) as archive:
                yield _members(archive, path, skipped, lambda: progress(raw.tell()))
        else:
            yield iter([_lone(path, raw, skipped, lambda: progress(raw.tell()))])


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Name the file in whatever the unpacking of it may raise."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InvalidBulkFile(f"{name} cannot be read: {error}") from None


def _lone(path: Path, raw: IO[bytes], skipped: Callable[[str], None], tick: Callable[[], None]) -> BulkFile:
    pair = named_pair(path.name)
    if pair is None:
        stored = ", ".join(map(str, _TIMEFRAMES))
        raise InvalidBulkFile(f"{path.name}: candles of this interval are not stored; expected one of {stored} minutes")
    lines = _unpacked(path.name, raw, path.stat().st_size)
    return BulkFile(path.name, *pair, _rows(path.name, lines, pair[1], skipped, tick))


def _unpacked(name: str, raw: IO[bytes], packed_bytes: int) -> Iterator[bytes]:
    is_gzip = name.lower().endswith(".gz")
    return _lines(name, cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if is_gzip else raw, packed_bytes)


def _members(
    archive: zipfile.ZipFile, path: Path, skipped: Callable[[str], None], tick: Callable[[], None]
) -> Iterator[BulkFile]:
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        if info.is_dir():
            continue
        if info.filename.lower().endswith(".zip"):
            skipped(f"{info.filename}: an archive within the archive; unpack it and import it by itself")
            continue
        try:
            pair = named_pair(info.filename)
        except InvalidBulkFile as error:
            skipped(str(error))
            continue
        if pair is None:
            skipped(f"{info.filename}: candles of this interval are not stored")
            continue
        name = f"{path.name}/{info.filename}"
        yield BulkFile(name, *pair, _member_rows(archive, info, name, pair[1], skipped, tick))


def _member_rows(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    name: str,
    timeframe: str,
    skipped: Callable[[str], None],
    tick: Callable[[], None],
) -> Iterator[BulkRow]:
    with _readable(name), archive.open(info) as raw:
        yield from _rows(name, _unpacked(name, raw, info.compress_size), timeframe, skipped, tick)


def _lines(name: str, file: IO[bytes], packed_bytes: int) -> Iterator[bytes]:
    """Yield each line without its end; of one that is too long, its beginning.

    Raises:
        InvalidBulkFile: it unpacks to so much that it is no history.
    """
    most = max(ALWAYS_UNPACKED, _MAX_RATIO * packed_bytes)
    read, piece = 0, b""
    while piece or (piece := file.readline(_MAX_LINE)):
        line, piece = piece, b""
        read += len(line)
        if not line.endswith(b"\n"):
            while (rest := file.readline(_MAX_LINE)) and read <= most:
                read += len(rest)
                if rest.endswith(b"\n"):
                    break
        if read > most:
            raise InvalidBulkFile(
                f"{name}: {packed_bytes:,} bytes unpack to more than {most:,}; that is no history of prices"
            )
        yield line.rstrip(b"\r\n")


def _rows(
    name: str, lines: Iterator[bytes], timeframe: str, skipped: Callable[[str], None], tick: Callable[[], None]
) -> Iterator[BulkRow]:
    """Yield the rows that can be read; of the lines that cannot the first are named, all are counted."""
    width_s, before, left_out, follows = TIMEFRAME_MINUTES[timeframe] * 60, BulkRow(-1, b""), 0, True
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip() or (number == 1 and _HEADER.fullmatch(text.strip())):
            continue
        try:
            row = _row(text.strip(), width_s)
            if row.start_s <= before.start_s:
                if row.start_s == before.start_s and row.fields == before.fields:
                    continue  # the same line twice
                raise InvalidBulkFile(f"starts at {row.start_s}; expected later than {before.start_s}")
        except InvalidBulkFile as error:
            left_out, follows = left_out + 1, False
            if left_out <= _NAMED_LINES:
                skipped(f"{name}, line {number}: {error}")
            continue
        before = row
        if number % 2_000 == 0:
            tick()
        yield row if follows else row._replace(follows=False)
        follows = True
    if left_out > _NAMED_LINES:
        skipped(f"{name}: {left_out - _NAMED_LINES:,} more lines")
    tick()


def _row(line: bytes, width_s: int) -> BulkRow:
    first, _, fields = line.partition(b",")
    texts = fields.split(b",")
    if len(texts) != _COLUMNS.count(","):
        raise InvalidBulkFile(f"got {line[:80]!r}; expected {_COLUMNS}")
    start_s = _whole(first, "start", _LATEST_S)
    if start_s % width_s:
        raise InvalidBulkFile(f"start is {start_s}; expected a multiple of {width_s} seconds")
    _whole(texts[5], "trades", _MAX_TRADES)
    if all(_PRICE.fullmatch(text) for text in texts[:4]) and _VOLUME.fullmatch(texts[4]):
        open_, high, low, close = (float(text) for text in texts[:4])
        is_sound = 0 < low <= min(open_, close) and max(open_, close) <= high
    else:
        is_sound = False
    if not is_sound:
        _check_exactly(texts)
    return BulkRow(start_s, fields)


def _check_exactly(texts: list[bytes]) -> None:
    """Check by decimals what floats may not distinguish or what is written with exponents."""
    open_, high, low, close, _ = (_decimal(text) for text in texts[:5])
    if not (Decimal(0) < low <= min(open_, close) and max(open_, close) <= high):
        prices = b",".join(texts[:4]).decode("ascii", "backslashreplace")
        raise InvalidBulkFile(f"open,high,low,close are {prices}; expected 0 < low <= open and close <= high")


def _decimal(text: bytes) -> Decimal:
    try:
        number = Decimal(text.decode())
    except (InvalidOperation, UnicodeDecodeError):
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= number < _LARGEST or exponent < _FINEST:
        raise InvalidBulkFile(f"number is {text[:40]!r}; expected zero or more, with at most {-_FINEST} decimals")
    return number


def _whole(text: bytes, what: str, largest: int) -> int:
    if not (text.isdigit() and len(text) <= 12 and int(text) <= largest):
        raise InvalidBulkFile(f"{what} is {text[:40]!r}; expected a whole number up to {largest}")
    return int(text)
