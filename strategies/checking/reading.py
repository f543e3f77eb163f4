"""What can be known of a strategy without running it: its contract, its config, its types, what it imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from strategies.checking.findings import Mark, Report
from strategies.checking.performing import ROOT
from strategies.deployments.config_fields import config_fields
from strategies.versions.files import assets_of, is_python, sources
from trading.strategy import InvalidConfig, Strategy

_TYPES_LIMIT_S = 60.0
_MOST_LINES = 20
_A_FILE = "a file: ASSETS holds the bytes of those in the strategy's package"
# What makes an answer depend on more than the frame; a dotted name is one call.
_IMPURE = {
    "time": "the wall clock: use data.time",
    "random": "chance that no replay repeats: use data.rng",
    "secrets": "chance that no replay repeats: use data.rng",
    "asyncio": "waiting: a strategy decides at once",
    "threading": "threads outlive the frame: a strategy decides at once",
    "multiprocessing": "processes outlive the frame: a strategy decides at once",
    "subprocess": "other programs: a strategy decides from data alone",
    "socket": "the network: a strategy decides from data alone",
    "requests": "the network: a strategy decides from data alone",
    "httpx": "the network: a strategy decides from data alone",
    "urllib": "the network: a strategy decides from data alone",
    "websockets": "the network: a strategy decides from data alone",
}
_IMPURE_CALLS = {
    "datetime.now": "the wall clock: use data.time",
    "datetime.utcnow": "the wall clock: use data.time",
    "datetime.today": "the wall clock: use data.time",
    "date.today": "the wall clock: use data.time",
    "open": _A_FILE,
    "read_text": _A_FILE,
    "read_bytes": _A_FILE,
    "np.random": "chance that no replay repeats: use data.rng",
    "numpy.random": "chance that no replay repeats: use data.rng",
}


def read_contract(report: Report, strategy: Strategy) -> None:
    """Note what the strategy declares."""
    warmup = ", ".join(f"{count} × {timeframe}" for timeframe, count in strategy.warmup.items()) or "none"
    words = f"it imports and declares what a strategy must; trigger {strategy.trigger}, warm-up {warmup}"
    if strategy.warmup and strategy.description:
        mark = Mark.FINE
    elif not strategy.description:
        mark, words = Mark.WARNING, f"{words}; say in a docstring what it does, pages show it"
    else:
        mark, words = Mark.FINE, f"{words} (declare WARMUP to be evaluated only when the candles are there)"
    assets = assets_of(strategy.sources)
    report.add("contract", mark, words, [f"asset {name}: {size:,} bytes" for name, size in assets.items()])


def read_config(report: Report, strategy: Strategy) -> None:
    """Note whether a form can be drawn from the config and its defaults may stand."""
    fields = config_fields(strategy.schema())
    try:
        strategy.config({})
    except InvalidConfig as error:
        report.add("config", Mark.BROKEN, f"the defaults are not valid: {error}")
        return
    mute = [field.key for field in fields if not field.help]
    if strategy.config_type is not None and mute:
        advice = "describe each with msgspec.Meta(description=...): meaning and unit"
        report.add("config", Mark.BROKEN, f"{', '.join(mute)} without a line of help; {advice}")
    elif mute:
        advice = "a msgspec.Struct called Config gives each key bounds and a line of help"
        report.add("config", Mark.WARNING, f"a plain CONFIG of {len(fields)} keys, its defaults are valid; {advice}")
    elif fields:
        report.add("config", Mark.FINE, f"{len(fields)} keys, each with a line of help; the defaults are valid")
    else:
        report.add("config", Mark.FINE, "no keys: nothing can be set")


def read_types(report: Report, path: Path, cache: Path) -> None:
    """Note what mypy says of the strategy's own files; without mypy nothing is lost."""
    if find_spec("mypy") is None:
        report.add("types", Mark.SKIPPED, "mypy is not installed here; `pip install mypy` and this line says more")
        return
    options = ["--config-file=", f"--cache-dir={cache}", "--follow-imports=silent", "--ignore-missing-imports"]
    options += ["--no-error-summary", "--explicit-package-bases", "--namespace-packages", "--check-untyped-defs"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mypy", *options, str(path.absolute())],
            cwd=path.absolute().parent,
            env={"PATH": "", "MYPYPATH": f"{ROOT}:{path.absolute().parent}", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=_TYPES_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        report.add("types", Mark.SKIPPED, f"mypy was not done after {_TYPES_LIMIT_S:.0f} s")
        return
    said = [line for line in done.stdout.splitlines() if ": error:" in line]
    if done.returncode not in (0, 1) or (done.returncode and not said):
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        report.add("types", Mark.SKIPPED, f"mypy could not check it: {' '.join(last)}")
    elif said:
        report.add("types", Mark.WARNING, f"mypy has {len(said)} objections", said[:_MOST_LINES])
    else:
        report.add("types", Mark.FINE, "mypy has no objection")


def read_purity(report: Report, path: Path) -> None:
    """Note what reaches for more than the frame, with file and line."""
    hints = [
        f"{name}:{line}: {what}"
        for name, source in sources(path).items()
        if is_python(name)
        for line, what in sorted(set(_impurities(ast.parse(source))))
    ]
    if hints:
        report.add("purity", Mark.WARNING, "a strategy reads the frame it is evaluated at and nothing else", hints)
    else:
        report.add("purity", Mark.FINE, "no clock, chance, file or network in sight")


def _impurities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            if why := _IMPURE.get(name.partition(".")[0]):
                yield getattr(node, "lineno", 0), f"imports {name}, {why}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            for known, why in _IMPURE_CALLS.items():
                if called == known or called.endswith(f".{known}") or called.startswith(f"{known}."):
                    yield node.lineno, f"calls {called}, {why}"
