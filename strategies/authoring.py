"""Beginning a strategy: a template under a new name, in a folder where the registry finds it."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from strategies.versions import registry

PATTERNS = Path(__file__).parent / "patterns"
TEMPLATES = ("minimal", "full")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,59}")


class CannotBegin(ValueError):
    """No strategy can be written so; the message says what would be right."""


def begin_strategy(name: str, template: str, folder: Path) -> Path:
    """Write the template under ``name`` into ``folder``, which is made if need be; return its file or package.

    Raises:
        CannotBegin: a bad or taken name, or something lies there already.
    """
    _check_name(name)
    source = PATTERNS / template
    place = folder / name if source.is_dir() else folder / f"{name}.py"
    for other in (folder / name, folder / f"{name}.py"):
        if other.exists():
            raise CannotBegin(f"{other} is there already; choose another name, or remove it first")
    try:
        if not source.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _write(source.with_suffix(".py"), place, template, name)
            return place
        place.mkdir(parents=True)
        for file in sorted(source.glob("*.py")):
            _write(file, place / file.name, template, name)
    except OSError as error:
        raise CannotBegin(f"{place} cannot be written: {error.strerror}; name another folder with --folder") from None
    return place


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CannotBegin(
            f"name is {name!r}; expected 2 to 60 lower-case letters, digits and underscores, "
            f"a letter first, like my_cross"
        )
    if taken := registry.found().get(name):
        raise CannotBegin(f"a strategy called {name!r} is in {taken.path}; names are unique, choose another")


def _write(source: Path, place: Path, template: str, name: str) -> None:
    with place.open("x") as file:
        file.write(source.read_text().replace(f'"{template}"', f'"{name}"', 1))
