"""Finding strategies: packages in the library, and files or packages in the user's own folders."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from inspect import getdoc
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

import msgspec
from django.conf import settings

from trading.strategy import Strategy

LIBRARY = Path(__file__).parent / "library"
_REQUIRED = ("STRATEGY_NAME", "STRATEGY_VERSION", "SYMBOLS", "generate_signal")


class UnknownStrategy(LookupError):
    """No strategy of that name was found."""


class BrokenContract(ValueError):
    """A module that is not a strategy."""


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
        except Exception as error:
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


def load(path: Path) -> Strategy:
    """Import the strategy in ``path`` (a package or a file) under a module name of its own.

    Raises:
        BrokenContract: an attribute is missing or of the wrong kind.
        Exception: whatever the module raises when imported.
    """
    source = sources_hash(path)
    module = _imported(path, source)
    missing = [name for name in _REQUIRED if not hasattr(module, name)]
    if missing:
        raise BrokenContract(f"{', '.join(missing)} missing; a strategy has {', '.join(_REQUIRED)}")
    config_type = getattr(module, "Config", None)
    if config_type is not None and not (isinstance(config_type, type) and issubclass(config_type, msgspec.Struct)):
        raise BrokenContract("Config is not a msgspec.Struct")
    return Strategy(
        name=_text(module, "STRATEGY_NAME"),
        version=_text(module, "STRATEGY_VERSION"),
        symbols=_symbols(module),
        generate_signal=module.generate_signal,
        config_type=config_type,
        defaults=getattr(module, "CONFIG", {}),
        on_start=getattr(module, "on_start", None),
        on_fill=getattr(module, "on_fill", None),
        on_stop=getattr(module, "on_stop", None),
        trigger=getattr(module, "TRIGGER", "frame"),
        warmup=getattr(module, "WARMUP", {}),
        description=getdoc(module) or "",
        path=str(path),
        hash=source,
    )


def sources_hash(path: Path) -> str:
    """Return the SHA-256 of a strategy's Python files, names included."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    seen = sha256()
    for file in files:
        name = file.relative_to(path.parent).as_posix().encode()
        content = file.read_bytes()
        seen.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return seen.hexdigest()


def _imported(path: Path, source: str) -> ModuleType:
    # The hash in the name lets two versions of one strategy live side by side.
    is_library = path.parent == LIBRARY
    name = f"strategies.library.{path.stem}" if is_library else f"strategies_at_{source[:16]}.{path.stem}"
    file = path / "__init__.py" if path.is_dir() else path
    search = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise BrokenContract("not a Python file or package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _text(module: ModuleType, attribute: str) -> str:
    value: Any = getattr(module, attribute)
    if not isinstance(value, str) or not value:
        raise BrokenContract(f"{attribute} is {value!r}; expected text")
    return value


def _symbols(module: ModuleType) -> tuple[str, ...]:
    value: Any = module.SYMBOLS
    if isinstance(value, str) or not all(isinstance(symbol, str) and "/" in symbol for symbol in value):
        raise BrokenContract(f"SYMBOLS is {value!r}; expected a list like ['BTC/USD']")
    return tuple(value)


def _described(error: BaseException, path: Path) -> str:
    own = [frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(str(path))]
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({Path(error.filename or '').name}, line {error.lineno})"
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"
