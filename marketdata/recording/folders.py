"""Recordings on disk: files of one market in one folder, each with an index beside it."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from marketdata.framing.records import Kind, Record
from marketdata.recording.files import SUFFIX, Header, InvalidRecording, RecordingFile

INDEX_SUFFIX = ".json"  # after the recording's own
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_HASH_BYTES = 1 << 20

_log = logging.getLogger("feed")


class State(StrEnum):
    """Whether a file is whole."""

    RECORDING = "recording"  # being written
    FINISHED = "finished"
    TORN = "torn"


class Index(msgspec.Struct, kw_only=True):
    """What is in a file, so that it need not be read. While it is written, this lags a few seconds."""

    started_ns: int
    ended_ns: int  # the last record's time
    records: int  # the MEMORY included, the END not
    messages: int
    bytes: int  # the file's size
    is_finished: bool = False
    sha256: str | None = None  # of the whole file, once nothing is added any more


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file as it is listed."""

    path: Path
    state: State
    header: Header
    index: Index


_index_decoder = msgspec.json.Decoder(Index)


def folder_of(root: Path, market: str) -> Path:
    """Return where the recordings of a market are; two markets never share a folder."""
    safe = _UNSAFE.sub("-", market).strip(".") or "market"
    if safe != market.replace(":", "-"):
        safe += "-" + hashlib.sha256(market.encode()).hexdigest()[:8]
    return root / safe


def files_in(folder: Path) -> list[Path]:
    """Return the recordings in ``folder`` and the folders in it, oldest first within each."""
    return sorted(path for path in folder.rglob(f"*{SUFFIX}") if path.is_file())


def index_path(path: Path) -> Path:
    """Return where the index of the recording at ``path`` is."""
    return path.with_name(path.name + INDEX_SUFFIX)


def write_index(path: Path, index: Index) -> None:
    """Store the index of the recording at ``path``; a reader sees the old one or the new one."""
    place = index_path(path)
    draft = place.with_name(place.name + ".new")
    draft.write_bytes(msgspec.json.encode(index))
    draft.replace(place)


def read_index(path: Path) -> Index | None:
    """Return the index of the recording at ``path``, None when there is none that can be read."""
    try:
        return _index_decoder.decode(index_path(path).read_bytes())
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def is_being_written(path: Path) -> bool:
    """Return whether a feed holds the file; the lock of one that was killed is gone with it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def recorded_file(path: Path) -> RecordedFile:
    """Return what the recording at ``path`` holds; a torn one is read once, then it has an index.

    Raises:
        InvalidRecording: it is none.
    """
    found = RecordingFile(path)
    if found.header is None:
        raise InvalidRecording(f"{path} is torn within its header: it holds nothing")
    try:
        is_live = is_being_written(path)
        size = path.stat().st_size
    except OSError as error:
        raise InvalidRecording(f"{path} cannot be read: {error}") from None
    index = read_index(path)
    if is_live:
        index = index or Index(
            started_ns=found.header.started_ns, ended_ns=found.header.started_ns, records=0, messages=0, bytes=size
        )
        return RecordedFile(path, State.RECORDING, found.header, msgspec.structs.replace(index, bytes=size))
    if index is None or index.sha256 is None or index.bytes != size:
        index = _index_anew(found)
    return RecordedFile(path, State.FINISHED if index.is_finished else State.TORN, found.header, index)


def _index_anew(found: RecordingFile) -> Index:
    index = indexed(found)
    try:
        write_index(found.path, index)
    except OSError as error:
        _log.warning("the index of %s cannot be stored: %s", found.path, error)
    return index


def indexed(found: RecordingFile) -> Index:
    """Read a whole file; return what its index should say.

    Raises:
        InvalidRecording: it is damaged.
    """
    assert found.header is not None, "a file without a header has no index"
    records = messages = 0
    ended_ns = found.header.started_ns
    for record in found.records():
        records += 1
        messages += record.kind is Kind.MESSAGE
        ended_ns = max(ended_ns, record.time_ns)
    return Index(
        started_ns=found.header.started_ns,
        ended_ns=ended_ns,
        records=records,
        messages=messages,
        bytes=found.path.stat().st_size,
        is_finished=not found.is_torn,
        sha256=sha256_of(found.path),
    )


def sha256_of(path: Path) -> str:
    """Return the file's digest in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(listed: RecordedFile) -> str | None:
    """Read a file that is not being written against its index; return what is wrong, None when all holds."""
    try:
        actual = indexed(RecordingFile(listed.path))
    except (InvalidRecording, OSError) as error:
        return str(error)
    if actual != listed.index:
        wrong = [name for name in Index.__struct_fields__ if getattr(actual, name) != getattr(listed.index, name)]
        differences = ", ".join(
            f"{name} is {getattr(actual, name)}, {getattr(listed.index, name)} by its index" for name in wrong
        )
        return f"{listed.path}: {differences}"
    return None


def remove_oldest(root: Path, max_bytes: int) -> list[Path]:
    """Remove files that are not being written, oldest first, until all take at most ``max_bytes``; return them."""
    sizes: dict[Path, int] = {}
    for path in files_in(root):
        try:
            sizes[path] = path.stat().st_size
        except FileNotFoundError:
            continue  # another feed was first
    total, removed = sum(sizes.values()), []
    for path in sorted(sizes, key=lambda path: path.name):  # the name begins with the time
        if total <= max_bytes:
            break
        try:
            if is_being_written(path):
                continue
            path.unlink()
        except FileNotFoundError:
            continue
        index_path(path).unlink(missing_ok=True)
        total -= sizes[path]
        removed.append(path)
    return removed


def played_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file, or of a folder's files in order.

    A file that goes on exactly where the last one ended brings no MEMORY: there is nothing new
    in it. Where one does come, something is missing before it.

    Raises:
        InvalidRecording: a file is damaged, there is none, or they are of several markets.
    """
    last: Header | None = None
    next_record = 0
    for found in opened(path):
        header = found.header
        assert header is not None, "`opened` leaves out files that hold nothing"
        goes_on = last is not None and header.run == last.run and header.first_record == next_record
        count = 0
        for record in found.records():
            if record.kind is not Kind.MEMORY:
                count += 1
            elif goes_on:
                continue
            yield record
        last, next_record = header, header.first_record + count


def opened(path: Path) -> list[RecordingFile]:
    """Return the file at ``path``, or those of the folder, oldest first, with their headers read.

    Raises:
        InvalidRecording: there is none, or they are of several markets.
    """
    paths = files_in(path) if path.is_dir() else [path]
    files = [found for found in map(RecordingFile, paths) if found.header is not None]
    if not files:
        raise InvalidRecording(f"{path} holds no recording: expected files named *{SUFFIX} with a whole header")
    markets = sorted({found.header.market for found in files if found.header is not None})
    if len(markets) > 1:
        raise InvalidRecording(f"{path} holds recordings of {', '.join(markets)}; expected one market")
    return sorted(files, key=lambda found: found.path.name)
