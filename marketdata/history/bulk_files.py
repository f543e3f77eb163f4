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
_NAME = re.compile(r"(?:kraken_)?(?P<altname>[A-Za-z0-9]+)_(?P<minutes>\d{1,5})\.csv(?:\.gz)?", re.ASCII)
_COLUMNS = "unix_s,open,high,low,close,volume,trades"
_PRICE = re.compile(rb"\d{1,7}(?:\.\d{1,8})?", re.ASCII)  # nearly all: floats order 15 digits as decimals do
_VOLUME = re.compile(rb"\d{1,17}(?:\.\d{1,18})?", re.ASCII)
_MAX_LINE = 400  # bytes
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


@dataclass(frozen=True, slots=True)
class BulkFile:
    """One pair's candles of one interval."""

    name: str  # as errors call it
    altname: str
    timeframe: str
    rows: Iterator[BulkRow]  # read as they are iterated over; InvalidBulkFile names the line at fault


def named_pair(name: str) -> tuple[str, str] | None:
    """Return the altname and timeframe in a file's name; None when we store no such interval.

    Raises:
        InvalidBulkFile: it is not named as Kraken names its files.
    """
    match = _NAME.fullmatch(PurePosixPath(name).name)
    if match is None:
        raise InvalidBulkFile(f"{name}: expected a name like XBTUSD_60.csv: the pair, its interval in minutes")
    timeframe = _TIMEFRAMES.get(int(match["minutes"]))
    return None if timeframe is None else (match["altname"].upper(), timeframe)


@contextmanager
def opened(path: Path, skipped: Callable[[str], None], progress: Callable[[int], None]) -> Iterator[Iterator[BulkFile]]:
    """Open a bulk file and yield what it holds, one pair and interval after the other.

    ``skipped`` receives a line for each archive member that is none of ours; ``progress``
    how many bytes of the file itself have been read.

    Raises:
        InvalidBulkFile: it cannot be read, or no candle in it would be stored.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix.lower() == ".zip":
                with zipfile.ZipFile(raw) as archive:
                    yield _members(archive, path, skipped, lambda: progress(raw.tell()))
            else:
                yield iter([_lone(path, raw, lambda: progress(raw.tell()))])
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InvalidBulkFile(f"{path.name} cannot be read: {error}") from None


def _lone(path: Path, raw: IO[bytes], tick: Callable[[], None]) -> BulkFile:
    pair = named_pair(path.name)
    if pair is None:
        stored = ", ".join(map(str, _TIMEFRAMES))
        raise InvalidBulkFile(f"{path.name}: candles of this interval are not stored; expected one of {stored} minutes")
    lines = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if path.suffix.lower() == ".gz" else raw
    return BulkFile(path.name, *pair, _rows(path.name, lines, pair[1], tick))


def _members(
    archive: zipfile.ZipFile, path: Path, skipped: Callable[[str], None], tick: Callable[[], None]
) -> Iterator[BulkFile]:
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        if info.is_dir():
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
        with archive.open(info) as lines:
            yield BulkFile(name, *pair, _rows(name, lines, pair[1], tick))


def _rows(name: str, lines: IO[bytes], timeframe: str, tick: Callable[[], None]) -> Iterator[BulkRow]:
    width_s, before_s, number = TIMEFRAME_MINUTES[timeframe] * 60, -1, 0
    while line := lines.readline(_MAX_LINE):
        number += 1
        try:
            row = _row(line.rstrip(b"\r\n"), width_s)
        except InvalidBulkFile as error:
            raise InvalidBulkFile(f"{name}, line {number}: {error}") from None
        if row.start_s <= before_s:
            raise InvalidBulkFile(f"{name}, line {number}: starts at {row.start_s}; expected later than {before_s}")
        before_s = row.start_s
        if number % 2_000 == 0:
            tick()
        yield row
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
