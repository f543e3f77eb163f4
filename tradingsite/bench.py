"""``python3 start.py bench [NAME] [--json]``: run one benchmark, or all, or list them."""

import subprocess
import sys
from collections.abc import Sequence

from tradingsite.installations import ROOT


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that ``arguments`` name; return the exit code."""
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py"))
    options = [word for word in arguments if word.startswith("-")]
    names = [word for word in arguments if not word.startswith("-")]
    listed = ", ".join(known) or "none yet"
    if bad := [name for name in names if name not in known]:
        sys.stderr.write(f"no benchmark is named {bad[0]!r}: expected one of {listed}\n")
        return 1
    if not names and "--json" not in options:
        sys.stdout.write(f"benchmarks: {listed}\nrun one with `python3 start.py bench NAME [--json]`\n")
        return 0
    worst = 0
    for name in names or known:
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        worst = max(worst, abs(subprocess.run(command, cwd=ROOT, check=False).returncode))
    return min(worst, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
