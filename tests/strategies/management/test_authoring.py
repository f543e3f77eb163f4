"""From an empty folder to a strategy that is known to keep the contract."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from strategies.versions import registry
from tests.strategies.versions.five_lines import FIVE_LINES


@pytest.fixture
def folder(tmp_path: Path, settings):
    settings.STRATEGY_PATHS = [tmp_path / "mine", tmp_path / "others"]
    settings.PADDOCK_DATA_DIR = tmp_path / "data"
    (tmp_path / "others").mkdir()
    registry.rescan()
    yield tmp_path / "mine"
    registry.rescan()


def said(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    registry.rescan()
    return out.getvalue()


@pytest.mark.parametrize("template", ["minimal", "full"])
def test_a_new_strategy_is_found_under_its_name_and_keeps_the_contract(folder, template):
    output = said("newstrategy", "my_first", "--template", template)
    report = json.loads(said("checkstrategy", "my_first", "--json"))

    assert "manage.py checkstrategy my_first" in output
    assert [f for f in report["findings"] if f["mark"] != "fine"] == []
    assert [f["check"] for f in report["findings"]] == [
        *("contract", "config", "types", "purity", "run"),
        *("errors", "time", "look-ahead", "determinism", "state"),
    ]
    assert report["figures"]["fills"] > 0


def test_a_folder_that_is_not_yet_known_is_shown_how_to_become_so(folder, tmp_path):
    output = said("newstrategy", "elsewhere", "--folder", str(tmp_path / "new"))

    assert (tmp_path / "new" / "elsewhere.py").is_file()
    assert "export STRATEGY_PATHS=" in output
    assert f"checkstrategy {tmp_path / 'new' / 'elsewhere.py'}" in output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My-First", "expected 2 to 60 lower-case letters"),
        ("class", "name is 'class'; expected"),
        ("_hidden", "a letter first"),
        ("ema_cross", "a strategy called 'ema_cross' is in "),
    ],
)
def test_a_bad_or_taken_name_is_refused_with_what_would_be_right(folder, name, words):
    with pytest.raises(CommandError, match=words) as refused:
        said("newstrategy", name)

    assert refused.value.returncode == 2
    assert not folder.exists()


def test_nothing_that_is_there_is_overwritten(folder):
    folder.mkdir()
    (folder / "mine.py").write_text("precious\n")

    with pytest.raises(CommandError, match=r"mine\.py is there already"):
        said("newstrategy", "mine", "--template", "full")

    assert (folder / "mine.py").read_text() == "precious\n"


def test_the_list_tells_parameters_and_what_cannot_be_loaded_with_its_line(folder):
    (folder.parent / "others" / "dip.py").write_text(FIVE_LINES)
    (folder.parent / "others" / "bad.py").write_text("import nowhere_to_be_found\n")
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("liststrategies", "--json", stdout=out)

    rows = json.loads(out.getvalue())
    by_name = {row["name"]: row for row in rows if row["status"] == "loaded"}
    assert ended.value.code == 1
    assert by_name["dip_buyer"]["symbols"] == ["BTC/USD"]
    fast = by_name["ema_cross"]["parameters"][0]
    assert (fast["key"], fast["kind"], fast["default"]) == ("fast", "whole number", 9)
    assert rows[-1]["error"].endswith("(bad.py, line 1)")


def test_the_list_as_text_has_no_colour_and_is_sorted(folder):
    output = said("liststrategies")

    names = [line.split()[1] for line in output.splitlines() if line.startswith("✓")]
    assert names == sorted(names)
    assert "\x1b[" not in output


def test_a_file_that_cannot_be_loaded_is_checked_by_its_file_name(folder):
    (folder.parent / "others" / "bad.py").write_text("x = (\n")
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("checkstrategy", "bad", stdout=out)

    assert ended.value.code == 1
    assert "✗ contract     it cannot be loaded: SyntaxError: '(' was never closed (bad.py, line 1)" in out.getvalue()


def test_impure_imports_and_calls_are_named_with_file_and_line(folder):
    source = FIVE_LINES + "import time\nfrom datetime import datetime\nAT = datetime.now()\n"
    (folder.parent / "others" / "dip.py").write_text(source)

    output = said("checkstrategy", "dip_buyer", "--minutes", "1")

    assert "dip.py:8: imports time, the wall clock: use data.time" in output
    assert "dip.py:10: calls datetime.now, the wall clock: use data.time" in output
    assert "keeps the contract, " in output


def test_keys_without_help_break_the_contract_and_nothing_is_rehearsed(folder):
    config = "import msgspec\nclass Config(msgspec.Struct, frozen=True):\n    size: float = 1.0\n"
    (folder.parent / "others" / "dip.py").write_text(config + FIVE_LINES)
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("checkstrategy", "dip_buyer", stdout=out)

    assert "✗ config       size without a line of help" in out.getvalue()
    assert "– run" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["nobody"], "no strategy is called 'nobody'; found are buy_and_hold, "),
        (["nowhere/at_all.py"], "is neither a Python file nor a package"),
        (["ema_cross", "--minutes", "0"], "--minutes is 0; expected a whole number from 1"),
        (["ema_cross", "--symbols", "DOGE/USD"], "the simulated market has BTC/USD"),
        (["ema_cross", "--recording", "nowhere.jsonl"], "nowhere.jsonl is not there"),
    ],
)
def test_bad_usage_is_refused_with_what_would_be_right(folder, words, refusal):
    with pytest.raises(CommandError, match=refusal) as refused:
        said("checkstrategy", *words)

    assert refused.value.returncode == 2
