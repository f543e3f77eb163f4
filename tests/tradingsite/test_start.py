"""The bootstrap, as far as it goes without making an environment."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_is_given_before_anything_is_installed():
    done = run("start.py", "--help")

    assert done.returncode == 0
    assert "--source auto|kraken|simulated|recording:PATH" in done.stdout


def test_an_unknown_command_is_refused_with_those_there_are():
    done = run("start.py", "tset")

    assert done.returncode == 1
    assert done.stderr == (
        "paddock cannot start: unknown command 'tset': "
        "expected test, coverage, check, bench, or options that start with -\n"
    )


def test_a_python_without_venv_names_the_package_to_install():
    done = run("-c", "import sys; sys.modules['ensurepip'] = None; import start; start.make_venv()")

    assert done.returncode == 1
    assert done.stderr.startswith("paddock cannot start: python3-venv is missing: install it (Debian, Ubuntu: apt")


def test_an_unknown_benchmark_is_refused_with_those_there_are():
    done = run("-m", "tradingsite.bench", "warp")

    assert done.returncode == 1
    assert done.stderr.startswith("no benchmark is named 'warp': expected one of ")


def test_an_unknown_check_is_refused_with_those_there_are():
    done = run("-m", "tradingsite.check", "spelling")

    assert done.returncode == 1
    assert done.stderr.startswith("no check is named 'spelling': expected some of 'formatting', ")
