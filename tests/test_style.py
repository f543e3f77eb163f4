"""The limits that the style sets and that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = [
    "trading",
    "marketdata",
    "portfolios",
    "strategies",
    "dashboard",
    "tradingsite",
    "tests",
    "benchmarks",
    "client",
]
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
FORBIDDEN_WORDS = {
    "told", "wish", "wishes", "wished", "befell", "befall", "befalls", "mishap", "mishaps", "happening", "happenings",
    "obey", "obeyed", "obedience", "heard", "whom", "whoever", "ear", "witness", "scribe",
}  # fmt: skip
# Names that others rely on: strategies and programs import the first ones, the last two are fields of the API.
FROZEN_NAMES = {
    "Told", "EventTold", "FeedTold", "FillTold", "LeagueTold", "OrderTold", "PricesTold", "RoundTripTold",
    "told_at", "heard",
}  # fmt: skip
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "core", "managers", "constants"}

SOURCES = [
    path
    for path in [*ROOT.glob("*.py"), *(path for folder in OURS for path in (ROOT / folder).rglob("*.py"))]
    if "migrations" not in path.parts
]


TREES = {path: ast.parse(path.read_bytes()) for path in SOURCES}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_module_is_at_most_400_lines_long():
    lengths = {named(path): len(path.read_text().splitlines()) for path in SOURCES}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_a_function_is_at_most_60_lines_long():
    lengths = {
        f"{named(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_a_module_is_named_after_a_noun_of_the_field():
    parts = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}

    assert parts & FORBIDDEN_NAMES == set()


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a module defines or gives to an attribute, an argument or a variable, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_names_use_the_words_of_the_field():
    offenders = {
        f"{named(path)}:{line} {name}"
        for path, tree in TREES.items()
        if "library" not in path.parts  # its bytes are hashed
        for line, name in names_in(tree)
        if name not in FROZEN_NAMES and words_of(name) & FORBIDDEN_WORDS
    }

    assert sorted(offenders) == []


def test_no_news_travels_by_django_signals():
    imported = {
        f"{named(path)}:{node.lineno}": node.module
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }

    assert {place: name for place, name in imported.items() if name.endswith(("dispatch", "db.models.signals"))} == {}


def test_the_locked_requirements_name_no_place_to_fetch_them_from():
    for path in (ROOT / "requirements").iterdir():
        for line in path.read_text().splitlines():
            assert "://" not in line
            assert not line.startswith(("--index", "--extra-index", "--find-links", "-f ", "-i "))


def test_every_shipped_file_is_text_without_stray_conflict_markers():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()

    for name in listed:
        if name.endswith((".py", ".html", ".toml", ".md", ".yml", ".js", ".css")) and (ROOT / name).exists():
            assert "\n<<<<<<< " not in (ROOT / name).read_text(), name
