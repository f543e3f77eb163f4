"""Importing a strategy from a file or a package, under a module name that only this version has."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getdoc
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from strategies.versions.files import BrokenContract, hash_of, sources
from strategies.versions.importing import import_from
from trading.strategy import Strategy

LONGEST_NAME = 60
_REQUIRED = ("STRATEGY_NAME", "STRATEGY_VERSION", "SYMBOLS", "generate_signal")


def load(path: Path, *, expected_hash: str = "") -> Strategy:
    """Import the strategy in ``path``, a package or a file.

    Args:
        path: the file or package.
        expected_hash: of its files; checked before any of them is imported; empty: whatever it is.

    Raises:
        BrokenContract: an attribute is missing or of the wrong kind, or the files have another hash.
        Exception: whatever the module raises when imported.
    """
    files = sources(path)
    source = hash_of(files)
    if expected_hash not in {"", source}:
        raise BrokenContract(f"its files have the hash {source[:8]}; expected {expected_hash[:8]}")
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
        category=_optional_text(module, "CATEGORY"),
        is_benchmark=getattr(module, "IS_BENCHMARK", False) is True,
        description=getdoc(module) or "",
        path=str(path),
        hash=source,
        sources=files,
    )


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


def _optional_text(module: ModuleType, attribute: str) -> str:
    return _text(module, attribute) if hasattr(module, attribute) else ""


def _symbols(module: ModuleType) -> tuple[str, ...]:
    value: Any = module.SYMBOLS
    if isinstance(value, str) or not all(isinstance(symbol, str) and "/" in symbol for symbol in value):
        raise BrokenContract(f"SYMBOLS is {value!r}; expected a list like ['BTC/USD']")
    return tuple(value)
