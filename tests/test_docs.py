"""The documents agree with the tree: files, environment variables and numbers that they name."""

from __future__ import annotations

import re
from pathlib import Path

from trading.indicators.catalogue import INDICATORS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
FOLDERS = (
    "trading",
    "marketdata",
    "portfolios",
    "strategies",
    "dashboard",
    "tradingsite",
    "tests",
    "benchmarks",
    "client",
)
NAMED = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*|[\w-]+\.(?:py|toml|yml))`")
CODE = ("trading", "marketdata", "portfolios", "strategies", "dashboard", "tradingsite", "client")
READ = (
    re.compile(r"""\benviron(?:\.get\(|\[)\s*["']([A-Z_]+)["']"""),
    re.compile(r"""\b(?:flag|whole_number|choice|words|configured)\(\s*["']([A-Z_]+)["']"""),
)
INTERNAL = {"PADDOCK_STARTED_S"}  # set by start.py for the launcher
LINKED = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


def test_every_file_and_folder_that_the_documents_name_exists():
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in NAMED.findall(page.read_text())
        if "/" in name and not (ROOT / name).exists()
    ]

    assert missing == []


def test_every_environment_variable_that_is_read_is_documented():
    sources = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    read = {name for path in sources for pattern in READ for name in pattern.findall(path.read_text())}
    documented = (ROOT / "docs/environment.md").read_text() + (ROOT / "docs/notifications.md").read_text()

    assert "PADDOCK_DATA_DIR" in read
    assert {name for name in read - INTERNAL if f"`{name}`" not in documented} == set()


def test_the_readme_counts_the_indicators_that_there_are():
    assert f"reads {len(INDICATORS)} indicators" in (ROOT / "README.md").read_text()


def test_every_link_between_the_documents_leads_somewhere():
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINKED.findall(page.read_text())
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_the_documents_that_are_to_be_read_whole_stay_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150


def test_every_noun_has_the_same_four_parts():
    for page in ROOT.glob("docs/concepts/*.md"):
        headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
        assert headings[1:] == ["Invariant", "Where it lives", "How to see it"], page.name
