"""`docs/observing.md` lists every metric, and names no command that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("dashboard", "marketdata", "portfolios", "strategies", "tradingsite")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MADE = re.compile(r'\b(counter|gauge|histogram)\("(paddock_\w+)"')
ROW = re.compile(r"^\| .*", re.MULTILINE)


def test_every_metric_is_listed_by_the_name_that_prometheus_reads() -> None:
    made = {
        name + ("_total" if kind == "counter" else "")
        for path in SOURCES
        for kind, name in MADE.findall(path.read_text())
    }
    rows = ROW.findall((ROOT / "docs" / "observing.md").read_text())
    named = {name for row in rows for name in re.findall(r"`(paddock_\w+)`", row)}

    assert len(made) > 40
    assert named == made


def test_every_command_that_it_names_exists() -> None:
    named = set(re.findall(r"manage\.py (\w+)", (ROOT / "docs" / "observing.md").read_text()))

    commands = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    assert named <= commands
    assert {"doctor", "backup", "restore", "token"} <= named
