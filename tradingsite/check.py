"""``python3 start.py check``: every rule that a machine can check; one line a step, then what failed."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from tradingsite.installations import ROOT

STEPS: dict[str, Sequence[str]] = {
    "formatting": ("-m", "ruff", "format", "--check", "--quiet", "."),
    "lint": ("-m", "ruff", "check", "--quiet", "--output-format", "concise", "."),
    "types": ("-m", "mypy", "--no-error-summary"),
    "imports": ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
    "system checks": ("manage.py", "check", "--fail-level", "WARNING"),
    "migrations": ("manage.py", "makemigrations", "--check", "--dry-run"),
    "templates": ("-m", "tradingsite.templates_check"),
    "api schema": ("manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
    # A test module that cannot be imported fails here in seconds, not after the whole run.
    "tests": ("-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider"),
    # Faults of locked packages that became known; without network, or without the program, it is skipped and says so.
    "audit": ("-c", "import sys; from tradingsite.check import audit; sys.exit(audit())"),
    "compose file": ("-m", "compose_lint", "--fail-on", "high", "docker-compose.yml"),
}
AUDIT_WITHIN_S = 180.0
_LOCKED = "requirements/default.txt"
# What the program says when the service that knows the faults cannot be reached.
_AWAY = ("ConnectionError", "Max retries", "NameResolution", "ServiceError", "Timeout", "timed out", "Failed to fetch")


def main(arguments: Sequence[str]) -> int:
    """Take the named steps, or all; return 1 when one failed, else 0."""
    if bad := [name for name in arguments if name not in STEPS]:
        sys.stderr.write(f"no check is named {bad[0]!r}: expected some of {', '.join(map(repr, STEPS))}\n")
        return 1
    # No check uses a database; the settings only need to be complete.
    environ = {
        **os.environ,
        "PADDOCK_SECRET_KEY": "only-for-checks-" * 4,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    failures = {}
    for name in arguments or STEPS:
        if (said := _take(name, environ)) is not None:
            failures[name] = said
    for name, said in failures.items():
        sys.stdout.write(f"\n── {name} ──\n{said}\n")
    return 1 if failures else 0


def _take(name: str, environ: Mapping[str, str]) -> str | None:
    """Take one step and write its line; return what it said if it failed."""
    started_s = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable)), *STEPS[name]],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    failed = done.returncode != 0
    why = f"  {done.stdout.strip()}" if not failed and done.stdout.startswith("skipped") else ""
    sys.stdout.write(f"{'FAILED' if failed else 'ok':<6} {name:<16} {time.monotonic() - started_s:5.1f} s{why}\n")
    sys.stdout.flush()
    return (done.stdout.strip() or f"exit code {done.returncode}") if failed else None


def audit() -> int:
    """Ask whether a locked package has a known fault; return 1 when one has, else 0. Skipped without network."""
    if find_spec("pip_audit") is None:
        return _skipped("pip-audit is not installed")
    command = [sys.executable, "-m", "pip_audit", "--requirement", _LOCKED, "--require-hashes", "--disable-pip"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=AUDIT_WITHIN_S)
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {AUDIT_WITHIN_S:.0f} s")
    said = f"{done.stdout}{done.stderr}"
    if done.returncode and any(word in said for word in _AWAY):
        return _skipped("the service that knows the faults cannot be reached")
    sys.stdout.write(said)
    return done.returncode


def _skipped(why: str) -> int:
    sys.stdout.write(f"skipped: {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
