"""Finding strategies: in the library, in the user's own folders, and in packages that are installed.

An installed package names its strategies as entry points of the group `paddock.strategies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb

from django.conf import settings

from strategies.loading import BrokenContract, load
from trading.strategy import Strategy

LIBRARY = Path(__file__).parent / "library"
ENTRY_POINTS = "paddock.strategies"


class UnknownStrategy(LookupError):
    """No strategy of that name was found."""


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A file or package that could not be loaded, and where it broke."""

    path: str
    error: str


def found() -> dict[str, Strategy]:
    """Return the strategies there are, by name."""
    return dict(_scan()[0])


def failures() -> list[LoadFailure]:
    """Return what lies in a strategy folder and could not be loaded."""
    return list(_scan()[1])


def strategy(name: str) -> Strategy:
    """Return the strategy called ``name``.

    Raises:
        UnknownStrategy: it names those there are, and what failed to load.
    """
    known = found()
    if name in known:
        return known[name]
    broken = "".join(f"; {failure.path} failed: {failure.error}" for failure in failures())
    raise UnknownStrategy(f"no strategy is called {name!r}; found are {', '.join(sorted(known))}{broken}")


def rescan() -> None:
    """Forget what was found, so that the next question reads the folders again."""
    _scan.cache_clear()


@lru_cache(maxsize=1)
def _scan() -> tuple[dict[str, Strategy], list[LoadFailure]]:
    strategies: dict[str, Strategy] = {}
    broken: list[LoadFailure] = []
    for path in _candidates():
        try:
            loaded = load(path)
            loaded.schema()  # a config that no form could be drawn from is broken now, not when a page asks
            if loaded.name in strategies:
                other = strategies[loaded.name].path
                raise BrokenContract(f"STRATEGY_NAME {loaded.name!r} is taken by {other}; names are unique")
        except (Exception, SystemExit) as error:
            # A user's file may fail in any way at import; it must not take the others with it.
            broken.append(LoadFailure(str(path), described(error, path)))
        else:
            strategies[loaded.name] = loaded
    return strategies, broken


def _candidates() -> Iterator[Path]:
    for folder in (LIBRARY, *map(Path, settings.STRATEGY_PATHS)):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            is_package = path.is_dir() and (path / "__init__.py").is_file()
            if not path.name.startswith(("_", ".")) and (is_package or path.suffix == ".py"):
                yield path
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        yield _installed(entry.module)


def _installed(module: str) -> Path:
    """Return the file or package of an installed module; one that is missing is told when it is loaded."""
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
