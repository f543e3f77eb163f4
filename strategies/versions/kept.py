"""Kept versions: the files of every version that was ever found, so that what trades it can go on with it.

A deployment names its version by hash. When the files have been edited since, or lie on another machine,
the version is unpacked from its row below PADDOCK_DATA_DIR/strategies/HASH/ and imported from there.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import mkdtemp

import msgspec
from django.conf import settings
from django.utils import timezone

from strategies.models import StrategyVersion
from strategies.versions.files import MOST_BYTES, BrokenContract, fault_of, hash_of, pieces_of, sources
from trading.strategy import Strategy

_HASH = re.compile(r"[0-9a-f]{64}")
_MOST_UNPACKED = 2 * MOST_BYTES  # names included; a row that unpacks to more is cut, and cannot be read


class VersionNotKept(LookupError):
    """No row holds a version of that hash, or what it holds has another."""


def keep(strategies: Iterable[Strategy]) -> int:
    """Write down those versions that no row holds yet; return how many. Safe to repeat, also at the same time."""
    by_hash = {strategy.hash: strategy for strategy in strategies}
    known = set(StrategyVersion.objects.filter(hash__in=by_hash).values_list("hash", flat=True))
    new = [_row(strategy) for strategy in by_hash.values() if strategy.hash not in known]
    StrategyVersion.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _row(strategy: Strategy) -> StrategyVersion:
    return StrategyVersion(
        name=strategy.name,
        version=strategy.version,
        hash=strategy.hash,
        first_seen_at=timezone.now(),
        sources=_packed(strategy.sources),
        description=strategy.description.replace("\0", ""),
        symbols=list(strategy.symbols),
        trigger=strategy.trigger,
        warmup=dict(strategy.warmup),
        schema=msgspec.json.decode(msgspec.json.encode(strategy.schema())),  # an infinite default becomes null
    )


def _packed(files: Mapping[str, bytes]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(files))


def kept_files(row: StrategyVersion) -> dict[str, bytes]:
    """Return the files of a kept version by their names, verified: nothing of them was written or imported before.

    Raises:
        VersionNotKept: the row was changed since: unreadable, another hash, or a name that leads elsewhere.
    """
    unpacking = zlib.decompressobj()
    try:
        packed = unpacking.decompress(bytes(row.sources), _MOST_UNPACKED)
        files = msgspec.msgpack.decode(packed, type=dict[str, bytes])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise VersionNotKept(f"what was kept of it cannot be read: {error}") from None
    for name in files:
        if fault := fault_of(name):
            raise VersionNotKept(f"what was kept of it holds a file {name!r}, which {fault}")
    if (found := hash_of(files)) != row.hash:
        raise VersionNotKept(f"what was kept of it has another hash, {found[:8]}")
    return files


def kept_folder() -> Path:
    """Return the folder below which kept versions are unpacked."""
    folder: Path = settings.PADDOCK_DATA_DIR / "strategies"
    return folder


def kept_path(source: str) -> Path:
    """Return the file or package of the version whose hash is ``source``, unpacked and verified.

    Raises:
        VersionNotKept: nothing of that hash is known here.
    """
    if not _HASH.fullmatch(source):
        raise VersionNotKept(f"{source!r} is no hash; expected 64 hexadecimal digits")
    folder = kept_folder() / source
    return _verified(folder, source) or _unpacked(folder, source)


def _verified(folder: Path, source: str) -> Path | None:
    """Return the piece in ``folder`` that has the hash; None when it was never unpacked whole, or touched since."""
    if not folder.is_dir():
        return None
    return next((piece for piece in pieces_of(folder) if _has_hash(piece, source)), None)


def _has_hash(piece: Path, source: str) -> bool:
    try:
        return hash_of(sources(piece)) == source
    except BrokenContract:  # a file was put there that no strategy may have
        return False


def _unpacked(folder: Path, source: str) -> Path:
    row = StrategyVersion.objects.filter(hash=source).first()
    if row is None:
        raise VersionNotKept("it was not kept in this database")
    files = kept_files(row)
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(prefix=f".{source[:16]}-", dir=folder.parent))
    try:
        for name, content in files.items():
            file = making / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if _verified(making, source) is None:
            raise VersionNotKept("what was kept of it is no strategy of that hash")
        _put(making, folder, source)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    path = _verified(folder, source)
    assert path is not None, "it was verified before it was put there"
    return path


def _put(making: Path, folder: Path, source: str) -> None:
    """Give an unpacked version its name at once, in place of what was touched; another process may be quicker."""
    if folder.exists() and _verified(folder, source) is None:
        touched = folder.with_name(f"{making.name}-touched")
        folder.rename(touched)
        shutil.rmtree(touched, ignore_errors=True)
    try:
        making.rename(folder)
    except OSError:
        if _verified(folder, source) is None:
            raise
