"""``python3 start.py coverage [MODULE]``: how much of each module its own test file runs.

Own is the test file of the same name in the mirrored folder: ``tests/trading/test_book.py`` for ``trading/book.py``.
What other tests run of a module does not count, or a module without a test of its own would look tested.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from coverage import Coverage

from tradingsite.installations import ROOT

FOLDERS = ("trading", "marketdata/kraken")
_IMPORTING = "^$"  # the context of what runs when a module is imported


@dataclass(frozen=True, slots=True)
class Covered:
    """What its own test file runs of a module; lines and branches as (run, all)."""

    module: str
    test: str  # empty: it has none
    lines: tuple[int, int] = (0, 0)
    branches: tuple[int, int] = (0, 0)
    missing: tuple[int, ...] = ()  # line numbers


class _ByTestFile:
    """Has each line that is run noted under the test file that runs it."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._coverage.switch_context(nodeid.partition("::")[0])


def main(arguments: Sequence[str]) -> int:
    """Run the tests and write the table; return 1 when a test failed or nothing is so named, else 0."""
    modules = [path for path in _modules() if not arguments or any(_means(word, path) for word in arguments)]
    if not modules:
        sys.stderr.write(f"no module is named {' '.join(arguments)}: expected one like trading.book, or a folder\n")
        return 1
    own = {path: test for path in modules if (test := own_test(path)).exists()}
    coverage = Coverage(data_file=None, branch=True, source=[str(ROOT / folder) for folder in FOLDERS])
    failed = 0
    if own:
        coverage.start()
        failed = pytest.main(
            ["--fast", "-q", "-p", "no:cacheprovider", *map(str, own.values())], [_ByTestFile(coverage)]
        )
        coverage.stop()
    rows = [_covered(coverage, path, own.get(path)) for path in modules]
    sys.stdout.write("\n".join(table(rows, show_missing=bool(arguments))) + "\n")
    return 1 if failed else 0


def _modules() -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if path.name != "__init__.py")


def _means(word: str, path: Path) -> bool:
    named = word.removesuffix(".py").replace(".", "/").rstrip("/")
    return path.with_suffix("").as_posix() == named or path.is_relative_to(named)


def own_test(module: Path) -> Path:
    """Return where a module's own test file is, or would be."""
    return ROOT / "tests" / module.parent / f"test_{module.name}"


def _covered(coverage: Coverage, module: Path, test: Path | None) -> Covered:
    if test is None:
        return Covered(module.as_posix(), "")
    name = test.relative_to(ROOT).as_posix()
    with TemporaryDirectory(prefix="coverage-") as folder:
        report = Path(folder) / "report.json"
        contexts = [_IMPORTING, f"^{re.escape(name)}$"]
        coverage.json_report(morfs=[str(ROOT / module)], contexts=contexts, outfile=str(report))
        (file,) = json.loads(report.read_text())["files"].values()
    sums = file["summary"]
    return Covered(
        module.as_posix(),
        name,
        (sums["covered_lines"], sums["num_statements"]),
        (sums["covered_branches"], sums["num_branches"]),
        tuple(file["missing_lines"]),
    )


def table(rows: Sequence[Covered], *, show_missing: bool) -> Iterator[str]:
    """Yield one line a module, and last what holds for all."""
    without = sum(not row.test for row in rows)
    last = f"{len(rows)} modules, {without} without"
    width = max(len(last), *(len(row.module) for row in rows))
    yield f"{'module':<{width}}  {'lines':>14}  {'branches':>14}  own test file"
    for row in rows:
        yield f"{row.module:<{width}}  {_share(row.lines)}  {_share(row.branches)}  {row.test or 'none'}"
        if show_missing and row.missing:
            yield f"{'':<{width}}  not run: {', '.join(map(str, row.missing))}"
    lines, branches = (
        (sum(part[0] for part in parts), sum(part[1] for part in parts))
        for parts in ([row.lines for row in rows], [row.branches for row in rows])
    )
    yield f"{last:<{width}}  {_share(lines)}  {_share(branches)}"


def _share(part: tuple[int, int]) -> str:
    run, all_there_are = part
    return f"{run:>4}/{all_there_are:<4}{100 * run // all_there_are:>3} %" if all_there_are else f"{'–':>14}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
