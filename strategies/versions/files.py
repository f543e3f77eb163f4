"""The files of a strategy: what its version is made of, how it is hashed, and which names and sizes are allowed.

A strategy is a file or a package, and what it imports relatively from beside it in its folder:
``from .._rules.breaker import Breaker``. Of a package every file counts. Those that are not Python are
its assets, such as a model: `strategies.versions.importing` hands their bytes to the package as ``ASSETS``.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from stat import S_ISREG

INIT = "__init__.py"
MOST_FILES = 500
MOST_BYTES = 16 * 1_024 * 1_024
_CACHE = "__pycache__"
_LEFTOVERS = (".pyc", "~")  # of an interpreter, of an editor


class BrokenContract(ValueError):
    """A module that is not a strategy."""


def pieces_of(folder: Path) -> Iterator[Path]:
    """Yield the files and packages in a folder that are to be strategies; what begins with _ is shared by them."""
    for path in sorted(folder.iterdir()):
        is_package = path.is_dir() and (path / INIT).is_file()
        if not path.name.startswith(("_", ".")) and (is_package or path.suffix == ".py"):
            yield path


def files_of(piece: Path) -> list[Path]:
    """Return the files of a file or package, sorted: all Python files, and the assets that are not hidden."""
    if not piece.is_dir():
        return [piece]
    return sorted(path for path in _walked(piece) if path.suffix == ".py" or _is_asset(path.relative_to(piece)))


def _walked(package: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(package):
        folders[:] = [name for name in folders if name != _CACHE]
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (Path(folder, name) for name in (*names, *linked))


def _is_asset(place: Path) -> bool:
    return not any(part.startswith(".") for part in place.parts) and not place.name.endswith(_LEFTOVERS)


def sources(path: Path) -> dict[str, bytes]:
    """Return the files that make up a strategy, by their paths below its folder.

    Raises:
        BrokenContract: a name that is not allowed, an asset that is a link, too many files or too much in them.
    """
    found: dict[str, bytes] = {}
    wanted, left = [path], MOST_BYTES
    while wanted:
        for file in files_of(wanted.pop()):
            place = file.relative_to(path.parent)
            if place.as_posix() in found:
                continue
            found[place.as_posix()] = content = _content(file, place.as_posix(), left)
            left -= len(content)
            if len(found) > MOST_FILES:
                raise BrokenContract(f"it has more than {MOST_FILES} files; expected at most that many")
            if file.suffix == ".py":
                wanted += [beside for name in _beside(content, place) if (beside := _piece(path.parent, name))]
    return dict(sorted(found.items()))


def _content(file: Path, name: str, left: int) -> bytes:
    if fault := fault_of(name):
        raise BrokenContract(f"its file {name!r} {fault}")
    if file.suffix != ".py" and (file.is_symlink() or not S_ISREG(file.stat().st_mode)):
        raise BrokenContract(f"its file {name} is no regular file; copy what it stands for into the package")
    size = file.stat().st_size
    if size > left:
        others = MOST_BYTES - left
        raise BrokenContract(
            f"its file {name} has {size:,} bytes, the files before it {others:,}; "
            f"expected at most {MOST_BYTES:,} bytes in all files"
        )
    return file.read_bytes()


def fault_of(name: str) -> str:
    """Return what is wrong with a file's path below a strategy's folder; empty when it is allowed."""
    if not name or "\\" in name or not name.isprintable():
        return "has a backslash or a character that cannot be printed; expected neither"
    if PurePosixPath(name).is_absolute() or set(name.split("/")) & {"", ".", ".."}:
        return "leads out of its folder; expected a path below it, like model/weights.onnx"
    return ""


def is_python(name: str) -> bool:
    """Return whether a file is run; one that is not is an asset."""
    return name.endswith(".py")


def assets_of(files: Mapping[str, bytes]) -> dict[str, int]:
    """Return the size in bytes of each file that is not Python, by name."""
    return {name: len(content) for name, content in files.items() if not is_python(name)}


def hash_of(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of a strategy's files, names included."""
    seen = sha256()
    for name, content in sorted(files.items()):
        encoded = name.encode()
        seen.update(b"%d %s %d " % (len(encoded), encoded, len(content)) + content)
    return seen.hexdigest()


def _beside(source: bytes, place: Path) -> Iterator[str]:
    """Yield the names in the strategy's folder that a Python file imports relatively."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # the import reports it, with file and line
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == len(place.parts):
            yield from [node.module.partition(".")[0]] if node.module else (alias.name for alias in node.names)


def _piece(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.py")
    return next((piece for piece in candidates if piece.is_file() or (piece / INIT).is_file()), None)
