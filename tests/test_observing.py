"""What `docs/observing.md` tells is there, and what is there it tells."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "tradingsite" / "metrics_page.py", ROOT / "tradingsite" / "jobs.py", *ROOT.glob("*/*metrics.py")]
MADE = re.compile(r'\b(counter|gauge|histogram)\("(paddock_\w+)"')
TOLD = re.compile(r"^\| .*", re.MULTILINE)


def test_every_metric_is_told_by_the_name_that_prometheus_reads() -> None:
    made = {
        name + ("_total" if kind == "counter" else "")
        for path in [*SOURCES, ROOT / "marketdata" / "telemetry" / "reporting.py"]
        for kind, name in MADE.findall(path.read_text())
    }
    rows = TOLD.findall((ROOT / "docs" / "observing.md").read_text())
    told = {name for row in rows for name in re.findall(r"`(paddock_\w+)`", row)}

    assert len(made) > 40
    assert told == made


def test_every_command_that_it_names_exists() -> None:
    named = set(re.findall(r"manage\.py (\w+)", (ROOT / "docs" / "observing.md").read_text()))

    commands = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    assert named <= commands
    assert {"doctor", "backup", "restore", "token"} <= named
