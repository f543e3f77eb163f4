"""Finding strategies: in the library, in the user's own folders and in installed packages; and their kept versions.

An installed package names its strategies as entry points of the group `paddock.strategies`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from traceback import extract_tb

from django.conf import settings

from strategies.models import Deployment
from strategies.versions.files import INIT, BrokenContract, files_of, hash_of, pieces_of, sources
from strategies.versions.kept import VersionNotKept, kept_folder, kept_path
from strategies.versions.loading import load
from trading.strategy import Strategy

LIBRARY = Path(__file__).parent.parent / "library"
LOOK_EVERY_S = 1.0
RETRY_AFTER_S = 10.0
_Stamp = tuple[str, int, int]  # path, time of change in ns, size
ENTRY_POINTS = "paddock.strategies"


class UnknownStrategy(LookupError):
    """No strategy of that name was found."""


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A file or package that could not be loaded, and where it broke."""

    path: str
    error: str


class UnknownVersion(UnknownStrategy):
    """No such version of a strategy lies in a folder or was kept, or it can no longer be imported."""


@dataclass(frozen=True, slots=True)
class _Scan:
    """What the folders held."""

    files: frozenset[_Stamp]
    strategies: Mapping[str, Strategy]  # by name
    failures: tuple[LoadFailure, ...]


@dataclass(slots=True)
class _Knowledge:
    """What this process knows; changes under the lock alone, because the web asks from many threads."""

    scan: _Scan | None = None  # None: the folders are to be read
    looked_at_s: float = -LOOK_EVERY_S  # monotonic
    versions: dict[str, Strategy] = field(default_factory=dict)  # all that was loaded, by hash
    missing: dict[str, tuple[str, float]] = field(default_factory=dict)  # hash -> why, and when that was seen


_lock = RLock()
_known = _Knowledge()


def found() -> dict[str, Strategy]:
    """Return the strategies there are, by name."""
    return dict(_scan().strategies)


def failures() -> list[LoadFailure]:
    """Return what lies in a strategy folder and could not be loaded."""
    return list(_scan().failures)


def strategy(name: str) -> Strategy:
    """Return the strategy called ``name`` as it lies in its folder.

    Raises:
        UnknownStrategy: it names those there are, and what failed to load.
    """
    known = found()
    if name in known:
        return known[name]
    broken = "".join(f"; {failure.path} failed: {failure.error}" for failure in failures())
    raise UnknownStrategy(f"no strategy is called {name!r}; found are {', '.join(sorted(known))}{broken}")


def version(name: str, source: str) -> Strategy:
    """Return the version of ``name`` whose hash is ``source``, whatever its files hold by now.

    Raises:
        UnknownVersion: it says whether it is missing or broken.
    """
    with _lock:
        _scan()
        if source not in _known.versions:
            _known.versions[source] = _kept(name, source)
        loaded = _known.versions[source]
    if loaded.name != name:
        raise UnknownVersion(f"version {source[:8]} is one of {loaded.name}; expected one of {name}")
    return loaded


def strategy_of(deployment: Deployment) -> Strategy:
    """Return the version that a deployment trades; one that names no version trades what lies in the folder.

    Raises:
        UnknownStrategy: no such strategy, or not this version of it.
    """
    if deployment.strategy_hash:
        return version(deployment.strategy, deployment.strategy_hash)
    return strategy(deployment.strategy)


def _kept(name: str, source: str) -> Strategy:
    """Load a kept version. What is missing or broken is not tried again for ten seconds: pages ask all the time."""
    sentence, seen_at_s = _known.missing.get(source, ("", 0.0))
    if sentence and time.monotonic() - seen_at_s < RETRY_AFTER_S:
        raise UnknownVersion(sentence)
    try:
        return load(kept_path(source), expected_hash=source)
    except VersionNotKept as error:
        sentence = f"version {source[:8]} of {name} is not in its folder, and {error}"
    except (Exception, SystemExit) as error:
        # It could be imported when it was kept, but what it imports of Paddock may have changed since.
        sentence = f"version {source[:8]} of {name} cannot be loaded: {described(error, kept_folder())}"
    _known.missing[source] = sentence, time.monotonic()
    raise UnknownVersion(sentence)


def refresh() -> None:
    """Read the folders again when a file in them was edited. Looks once a second, however often it is called."""
    with _lock:
        now_s = time.monotonic()
        if now_s - _known.looked_at_s >= LOOK_EVERY_S:
            _known.looked_at_s = now_s
            if _known.scan is not None and _known.scan.files != _stamps():
                _known.scan = None


def rescan() -> None:
    """Forget all that was found and loaded, so that the next question reads the folders again."""
    with _lock:
        _known.scan, _known.looked_at_s = None, -LOOK_EVERY_S
        _known.versions.clear()
        _known.missing.clear()


def _scan() -> _Scan:
    with _lock:
        if _known.scan is None:
            _known.scan = _read_folders()
        return _known.scan


def _read_folders() -> _Scan:
    files = _stamps()  # before anything is read: what is edited meanwhile is found edited next time
    strategies: dict[str, Strategy] = {}
    broken: list[LoadFailure] = []
    for path in _candidates():
        try:
            loaded = _loaded(path)
            loaded.schema()  # a config that no form could be drawn from is broken now, not when a page asks
            if loaded.name in strategies:
                other = strategies[loaded.name].path
                raise BrokenContract(f"STRATEGY_NAME {loaded.name!r} is taken by {other}; names are unique")
        except (Exception, SystemExit) as error:
            # A user's file may fail in any way at import; it must not take the others with it.
            broken.append(LoadFailure(str(path), described(error, path)))
        else:
            strategies[loaded.name] = _known.versions[loaded.hash] = loaded
    return _Scan(files, strategies, tuple(broken))


def _loaded(path: Path) -> Strategy:
    known = _known.versions.get(hash_of(sources(path)))
    return known if known is not None and known.path == str(path) else load(path)


def _stamps() -> frozenset[_Stamp]:
    """Return every file that a strategy may be made of, with its size and time of change."""
    found = set()
    for folder in _folders():
        for piece in folder.iterdir():
            for file in files_of(piece) if piece.suffix == ".py" or (piece / INIT).is_file() else []:
                with suppress(OSError):  # it has gone since it was listed
                    about = file.stat()
                    found.add((str(file), about.st_mtime_ns, about.st_size))
    return frozenset(found)


def _folders() -> list[Path]:
    return [folder for folder in (LIBRARY, *map(Path, settings.STRATEGY_PATHS)) if folder.is_dir()]


def _candidates() -> Iterator[Path]:
    for folder in _folders():
        yield from pieces_of(folder)
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        yield _installed(entry.module)


def _installed(module: str) -> Path:
    """Return the file or package of an installed module; one that is missing is reported when it is loaded."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        return Path(f"{module} (entry point of {ENTRY_POINTS})")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def described(error: BaseException, path: Path) -> str:
    """Return what happened when the strategy in ``path`` was imported, with its own file and line."""
    own = [frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(str(path))]
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({Path(error.filename or '').name}, line {error.lineno})"
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"
