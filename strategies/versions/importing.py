"""Importing modules from bytes that were read before.

What runs must be what was hashed. Python's own import would read a file anew, which may have been
edited since, or take its bytecode for current when an edit left its size and second as they were.

A strategy reads no files. Each package finds in ``ASSETS``, a global of its ``__init__.py``, the bytes of its
files that are not Python, by their paths below the package; they are there before its code runs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType

from strategies.versions.files import INIT, is_python


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder as it was when its files were read."""

    path: Path
    files: Mapping[str, bytes]  # by their paths below the folder

    def assets(self, package: str) -> Mapping[str, bytes]:
        """Return what a package has beside Python, by the paths below it; nobody can change it for the next import."""
        below = f"{package}/"
        found = {
            name.removeprefix(below): content
            for name, content in self.files.items()
            if name.startswith(below) and not is_python(name)
        }
        return MappingProxyType(found)


class _ReadBefore(ExecutionLoader):
    """Runs a module's source; tracebacks and ``__file__`` name the file that it was read from."""

    def __init__(self, file: Path, source: bytes, assets: Mapping[str, bytes] | None) -> None:
        self._file = file
        self._source = source
        self._assets = assets  # None: not a package

    def get_filename(self, fullname: str) -> str:
        """Return the file."""
        return str(self._file)

    def get_source(self, fullname: str) -> str:
        """Return the text that was read."""
        return decode_source(self._source)

    def is_package(self, fullname: str) -> bool:
        """Return whether other modules may lie below it."""
        return self._file.name == INIT

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, its assets at hand."""
        if self._assets is not None:
            vars(module)["ASSETS"] = self._assets
        super().exec_module(module)


class _FolderFinder(MetaPathFinder):
    """Finds the modules of the folders that were given to `import_from`."""

    def __init__(self) -> None:
        self.folders: dict[str, _Folder] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's spec; None when it is not among the files that were read."""
        root, _, below = fullname.partition(".")
        folder = self.folders.get(root)
        if folder is None or not below:
            return None
        place = below.replace(".", "/")
        for name, assets in ((f"{place}/{INIT}", folder.assets(place)), (f"{place}.py", None)):
            if name in folder.files:
                file = folder.path / name
                loader = _ReadBefore(file, folder.files[name], assets)
                return spec_from_file_location(fullname, file, loader=loader)
        return None


_finder = _FolderFinder()
sys.meta_path.insert(0, _finder)


def import_from(folder: Path, files: Mapping[str, bytes], *, root: str, module: str) -> ModuleType:
    """Import ``root.module`` from ``files``, which were read in ``folder``; they see each other as ``root.NAME``.

    Raises:
        Exception: whatever the module raises; then none of its modules stays behind.
    """
    forget(root)
    _finder.folders[root] = _Folder(folder, files)
    sys.modules[root] = parent = ModuleType(root)
    parent.__path__ = [str(folder)]
    try:
        __import__(f"{root}.{module}")
    except BaseException:
        forget(root)
        raise
    return sys.modules[f"{root}.{module}"]


def forget(root: str) -> None:
    """Drop a folder's modules; whoever holds one of them keeps it."""
    for name in [known for known in sys.modules if known == root or known.startswith(f"{root}.")]:
        del sys.modules[name]
    _finder.folders.pop(root, None)
