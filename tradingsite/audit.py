"""``python3 start.py check audit``: whether a locked package has a known fault; skipped with a line without network."""

import subprocess
import sys
from importlib.util import find_spec

from tradingsite.installations import ROOT

WITHIN_S = 180.0
_LOCKED = "requirements/default.txt"
# What the program says when the service that knows the faults cannot be reached.
_AWAY = ("ConnectionError", "Max retries", "NameResolution", "ServiceError", "Timeout", "timed out", "Failed to fetch")


def main() -> int:
    """Ask; return 1 when a package has a known fault, else 0."""
    if find_spec("pip_audit") is None:
        return _skipped("pip-audit is not installed")
    command = [sys.executable, "-m", "pip_audit", "--requirement", _LOCKED, "--require-hashes", "--disable-pip"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {WITHIN_S:.0f} s")
    said = f"{done.stdout}{done.stderr}"
    if done.returncode and any(word in said for word in _AWAY):
        return _skipped("the service that knows the faults cannot be reached")
    sys.stdout.write(said)
    return done.returncode


def _skipped(why: str) -> int:
    sys.stdout.write(f"skipped: {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
