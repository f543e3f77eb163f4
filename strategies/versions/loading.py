"""Importing a strategy from a file or a package, under a module name that only this version has.

A strategy may import what lies beside it in its folder, relatively: ``from .._rules.breaker
import Breaker``. What it imports so is part of it: of its hash, and of what is kept of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from hashlib import sha256
from inspect import getdoc
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from strategies.versions.importing import INIT, import_from
from trading.strategy import Strategy

LONGEST_NAME = 60
_REQUIRED = ("STRATEGY_NAME", "STRATEGY_VERSION", "SYMBOLS", "generate_signal")


class BrokenContract(ValueError):
    """A module that is not a strategy."""


def load(path: Path) -> Strategy:
    """Import the strategy in ``path``, a package or a file.

    Raises:
        BrokenContract: an attribute is missing or of the wrong kind.
        Exception: whatever the module raises when imported.
    """
    files = sources(path)
    source = hash_of(files)
    module = _imported(path, files, source)
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
        sources=files,
    )


def pieces_of(folder: Path) -> Iterator[Path]:
    """Yield the files and packages in a folder that are to be strategies; what begins with _ is shared by them."""
    for path in sorted(folder.iterdir()):
        is_package = path.is_dir() and (path / INIT).is_file()
        if not path.name.startswith(("_", ".")) and (is_package or path.suffix == ".py"):
            yield path


def sources(path: Path) -> dict[str, bytes]:
    """Return the Python files that make up a strategy, by their paths below its folder."""
    found: dict[str, bytes] = {}
    wanted = [path]
    while wanted:
        piece = wanted.pop()
        for file in sorted(piece.rglob("*.py")) if piece.is_dir() else [piece]:
            place = file.relative_to(path.parent)
            if place.as_posix() not in found:
                found[place.as_posix()] = file.read_bytes()
                wanted += [beside for name in _beside(file, place) if (beside := _piece(path.parent, name))]
    return dict(sorted(found.items()))


def hash_of(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of a strategy's files, names included."""
    seen = sha256()
    for name, content in sorted(files.items()):
        encoded = name.encode()
        seen.update(b"%d %s %d " % (len(encoded), encoded, len(content)) + content)
    return seen.hexdigest()


def _beside(file: Path, place: Path) -> Iterator[str]:
    """Yield the names in the strategy's folder that a file imports relatively."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # the import will tell, with file and line
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == len(place.parts):
            yield from [node.module.partition(".")[0]] if node.module else (alias.name for alias in node.names)


def _piece(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.py")
    return next((piece for piece in candidates if piece.is_file() or (piece / INIT).is_file()), None)


def _imported(path: Path, files: Mapping[str, bytes], source: str) -> ModuleType:
    if path.name not in {name.partition("/")[0] for name in files} or not (path.is_dir() or path.suffix == ".py"):
        raise BrokenContract("not a Python file or package")
    if "." in path.stem:
        raise BrokenContract(f"{path.name} has a dot in its name; expected a name that can be imported")
    # The hash in the name lets two versions of one strategy, and of what they share, live side by side.
    return import_from(path.parent, files, root=f"strategies_at_{source[:16]}", module=path.stem)


def _text(module: ModuleType, attribute: str) -> str:
    value: Any = getattr(module, attribute)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
        raise BrokenContract(f"{attribute} is {value!r}; expected text of at most {LONGEST_NAME} characters")
    return value


def _symbols(module: ModuleType) -> tuple[str, ...]:
    value: Any = module.SYMBOLS
    if isinstance(value, str) or not all(isinstance(symbol, str) and "/" in symbol for symbol in value):
        raise BrokenContract(f"SYMBOLS is {value!r}; expected a list like ['BTC/USD']")
    return tuple(value)
