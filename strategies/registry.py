"""Finding strategies: packages in the library, and files or packages in the user's own folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb

from django.conf import settings

from strategies.loading import BrokenContract, load
from trading.strategy import Strategy

LIBRARY = Path(__file__).parent / "library"


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
            broken.append(LoadFailure(str(path), _described(error, path)))
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


def _described(error: BaseException, path: Path) -> str:
    own = [frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(str(path))]
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({Path(error.filename or '').name}, line {error.lineno})"
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"
