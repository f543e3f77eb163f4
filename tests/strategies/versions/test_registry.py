from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import pytest

from strategies.versions import registry
from strategies.versions.registry import UnknownStrategy
from tests.strategies.versions.five_lines import FIVE_LINES


def test_the_library_is_found_and_nothing_in_it_is_broken() -> None:
    assert {"buy_and_hold", "ema_cross", "mean_reversion", "random_trader"} <= set(registry.found())
    assert registry.failures() == []


def test_a_file_in_a_folder_of_the_users_is_a_strategy(folder: Path) -> None:
    (folder / "dip.py").write_text(FIVE_LINES)

    found = registry.strategy("dip_buyer")

    assert (found.version, found.symbols, len(found.hash)) == ("1.0.0", ("BTC/USD",), 64)


def test_a_package_may_import_its_own_modules(folder: Path) -> None:
    (folder / "two").mkdir()
    (folder / "two" / "__init__.py").write_text(
        FIVE_LINES.replace("dip_buyer", "two") + "\nfrom .numbers_of import N\n"
    )
    (folder / "two" / "numbers_of.py").write_text("N = 2\n")

    assert registry.strategy("two").name == "two"


def test_a_changed_file_has_another_hash(folder: Path) -> None:
    (folder / "dip.py").write_text(FIVE_LINES)
    before = registry.strategy("dip_buyer").hash
    (folder / "dip.py").write_text(FIVE_LINES.replace("20", "21"))
    registry.rescan()

    assert registry.strategy("dip_buyer").hash != before


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module' (bad.py, line 1)"),
        ("STRATEGY_NAME = 'x'\n", "STRATEGY_VERSION, SYMBOLS, generate_signal missing"),
        (FIVE_LINES.replace('["BTC/USD"]', '"BTC/USD"'), "SYMBOLS is 'BTC/USD'; expected a list"),
        (FIVE_LINES.replace("dip_buyer", "ema_cross"), "STRATEGY_NAME 'ema_cross' is taken by"),
        (FIVE_LINES + "TRIGGER = 'candle:2m'\n", "TRIGGER of dip_buyer is 'candle:2m'"),
        (
            "import msgspec\nclass Config(msgspec.Struct):\n    x: complex = 1j\n" + FIVE_LINES,
            "TypeError: Generating JSON schema for custom types",
        ),
        (FIVE_LINES.replace("dip_buyer", "x" * 61), "expected text of at most 60 characters"),
        (FIVE_LINES + "raise SystemError('boom')\n", "SystemError: boom (bad.py, line 8)"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named_with_its_reason_and_harms_no_other(
    folder: Path, source: str, words: str
) -> None:
    (folder / "bad.py").write_text(source)

    (failure,) = registry.failures()

    assert Path(failure.path).name == "bad.py"
    assert words in failure.error
    assert "ema_cross" in registry.found()


def test_an_unknown_strategy_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(UnknownStrategy, match=r"no strategy is called 'emacross'; found are buy_and_hold, "):
        registry.strategy("emacross")


def test_a_package_may_import_what_lies_beside_it_and_counts_it_in_its_hash(folder: Path) -> None:
    (folder / "_rules").mkdir()
    (folder / "_rules" / "__init__.py").write_text("")
    (folder / "_rules" / "sizes.py").write_text("SIZE = 20\n")
    (folder / "three").mkdir()
    shared = FIVE_LINES.replace("dip_buyer", "three") + "\nfrom .._rules.sizes import SIZE\n"
    (folder / "three" / "__init__.py").write_text(shared)
    before = registry.strategy("three")

    (folder / "_rules" / "sizes.py").write_text("SIZE = 30\n")
    registry.rescan()
    after = registry.strategy("three")

    assert after.hash != before.hash
    assert [s.generate_signal.__globals__["SIZE"] for s in (before, after)] == [20, 30]


def test_a_file_that_ends_the_program_when_imported_is_a_failure_like_any_other(folder: Path) -> None:
    (folder / "bad.py").write_text("import sys\nsys.exit(3)\n")

    (failure,) = registry.failures()

    assert failure.error == "SystemExit: 3 (bad.py, line 2)"


def test_an_edit_that_leaves_size_and_time_as_they_were_is_the_code_that_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = folder / "dip.py"
    for size in (20, 30):
        file.write_text(FIVE_LINES.replace('"BTC/USD", 20,', f'"BTC/USD", {size},') + f"\nSIZE = {size}\n")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        registry.rescan()
        loaded = registry.strategy("dip_buyer")

    assert loaded.generate_signal.__globals__["SIZE"] == 30


def test_what_is_imported_late_is_what_was_hashed(folder: Path) -> None:
    package = folder / "late"
    package.mkdir()
    (package / "__init__.py").write_text(
        FIVE_LINES.replace("dip_buyer", "late") + "def size():\n    from .sizes import SIZE\n    return SIZE\n"
    )
    (package / "sizes.py").write_text("SIZE = 20\n")
    loaded = registry.strategy("late")
    (package / "sizes.py").write_text("SIZE = 30\n")

    assert loaded.generate_signal.__globals__["size"]() == 20


def test_a_traceback_names_the_file_and_its_line(folder: Path) -> None:
    (folder / "dip.py").write_text(FIVE_LINES + "def fail():\n    return 1 / 0\n")
    loaded = registry.strategy("dip_buyer")

    with pytest.raises(ZeroDivisionError) as raised:
        loaded.generate_signal.__globals__["fail"]()

    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (last.filename, last.line) == (str(folder / "dip.py"), "return 1 / 0")


def test_an_edited_file_is_noticed_and_the_rest_is_not_loaded_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 0)
    (folder / "dip.py").write_text(FIVE_LINES)
    other = registry.strategy("ema_cross")
    before = registry.strategy("dip_buyer")

    (folder / "dip.py").write_text(FIVE_LINES.replace("1.0.0", "1.1.0-rc"))
    registry.refresh()

    assert (before.version, registry.strategy("dip_buyer").version) == ("1.0.0", "1.1.0-rc")
    assert registry.strategy("ema_cross") is other
    assert registry.version("dip_buyer", before.hash) is before


def test_the_folders_are_looked_at_no_more_often_than_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 3_600)
    registry.refresh()
    assert "dip_buyer" not in registry.found()

    (folder / "dip.py").write_text(FIVE_LINES)
    registry.refresh()

    assert "dip_buyer" not in registry.found()


def install(place: Path, module: str) -> None:
    """Lay out an installed package with one strategy, as pip would."""
    (place / "dips-1.0.dist-info").mkdir()
    (place / "dips-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: dips\nVersion: 1.0\n")
    (place / "dips-1.0.dist-info" / "entry_points.txt").write_text(f"[paddock.strategies]\ndip = {module}\n")


def test_a_strategy_of_an_installed_package_is_found_by_its_entry_point(folder: Path, tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("site-packages")
    install(place, "dips.deep")
    (place / "dips" / "deep").mkdir(parents=True)
    (place / "dips" / "__init__.py").write_text("")
    (place / "dips" / "deep" / "__init__.py").write_text(FIVE_LINES + "from .sizes import SIZE\n")
    (place / "dips" / "deep" / "sizes.py").write_text("SIZE = 20\n")
    monkeypatch.syspath_prepend(str(place))

    assert registry.strategy("dip_buyer").path == str(place / "dips" / "deep")


def test_an_entry_point_to_nothing_is_a_failure_that_is_reported(folder: Path, tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("site-packages")
    install(place, "dips.nowhere")
    monkeypatch.syspath_prepend(str(place))

    (failure,) = registry.failures()

    assert failure.path == "dips.nowhere (entry point of paddock.strategies)"
    assert "No such file" in failure.error
