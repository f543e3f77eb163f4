"""Which share of a module its own test file runs, as the command shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradingsite import coverage
from tradingsite.coverage import ROOT, Covered, own_test, table


def test_the_own_test_file_has_the_modules_name_in_the_mirrored_folder() -> None:
    assert own_test(Path("marketdata/kraken/wire.py")) == ROOT / "tests/marketdata/kraken/test_wire.py"


def test_the_table_shows_a_line_a_module_and_a_sum() -> None:
    rows = [
        Covered("trading/book.py", "tests/trading/test_book.py", (9, 10), (1, 2), (7,)),
        Covered("trading/fees.py", ""),
    ]

    assert list(table(rows, show_missing=True)) == [
        "module                         lines        branches  own test file",
        "trading/book.py          9/10   90 %     1/2    50 %  tests/trading/test_book.py",
        "                      not run: 7",
        "trading/fees.py                    –               –  none",
        "2 modules, 1 without     9/10   90 %     1/2    50 %",
    ]


def test_an_unknown_module_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage.main(["trading.boook"]) == 1

    assert "no module is named trading.boook" in capsys.readouterr().err
