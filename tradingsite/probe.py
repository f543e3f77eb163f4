"""``python -m tradingsite.probe CHECK…``: take checks of ``/readyz`` from the command line, for containers."""

import os
import sys
from collections.abc import Sequence

import django


def main(names: Sequence[str]) -> int:
    """Take the named checks, one line each; return 1 when one fails, else 0."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    django.setup()

    from tradingsite import health

    if not names or (bad := [name for name in names if name not in health.CHECKS]):
        wrong = f"no check is named {bad[0]!r}" if names else "no check is named"
        sys.stderr.write(f"{wrong}: expected some of {', '.join(health.CHECKS)}\n")
        return 1
    failed = 0
    for name, finding in health.report(names).items():
        sys.stdout.write(f"{name}: {finding['detail']}\n")
        failed |= not finding["ok"]
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
