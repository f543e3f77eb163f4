"""What the documents say of the tree is true: every file and folder that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

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
LINKED = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


def test_every_file_and_folder_that_the_documents_name_exists():
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in NAMED.findall(page.read_text())
        if "/" in name and not (ROOT / name).exists()
    ]

    assert missing == []


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
