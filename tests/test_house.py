"""How the house is laid out: what import contracts cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tradingsite", "dashboard", "strategies", "portfolios", "marketdata", "trading", "paddock_client")
MOST_MODULES = 25
UNLIMITED = {"migrations", "library", "tests"}


def circles(imports: dict[str, set[str]]) -> Iterator[str]:
    """Yield a circle, take its last import away, and look for the next, until none is left."""
    while True:
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            imported, importer = error.args[1][:2]
            yield " imports ".join(reversed(error.args[1]))
            imports[importer].remove(imported)
        else:
            return


def test_no_two_modules_import_each_other_in_a_circle_not_even_for_their_types() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}

    assert list(circles(imports)) == []


def test_a_folder_holds_at_most_25_modules_side_by_side() -> None:
    counts: dict[Path, int] = {}
    for package in (*PACKAGES[:-1], "client"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name != "__init__.py" and not UNLIMITED & set(path.relative_to(ROOT).parts):
                folder = path.parent.relative_to(ROOT)
                counts[folder] = counts.get(folder, 0) + 1

    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}
