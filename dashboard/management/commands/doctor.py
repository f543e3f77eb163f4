"""`manage.py doctor`: check everything that Paddock needs."""

from __future__ import annotations

import json
import logging
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.system.checkup import findings
from dashboard.system.findings import Finding, Verdict

_COLOURS = {Verdict.OK: "SUCCESS", Verdict.WARN: "WARNING", Verdict.BAD: "ERROR"}


class Command(BaseCommand):
    """Run all checks and print what to do."""

    help = (
        "Check database, Redis, migrations, clocks, proxies, exchange, disk, files, processes, strategies, versions. "
        "Exit code 0: no errors (warnings possible); 1: errors."
    )
    requires_system_checks = ()  # they would end the command before it reports
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object: `ok`, and `findings` in order")

    def handle(self, *args: Any, **options: Any) -> None:
        found: list[Finding] = []
        before = logging.root.manager.disable
        logging.disable(logging.ERROR)  # each problem is reported once
        try:
            for finding in findings():
                found.append(finding)
                if not options["json"]:
                    self._write(finding)
        finally:
            logging.disable(before)
        is_well = all(finding.verdict is not Verdict.BAD for finding in found)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": is_well, "findings": [asdict(finding) for finding in found]}, indent=2))
        sys.exit(0 if is_well else 1)

    def _write(self, finding: Finding) -> None:
        paint = getattr(self.style, _COLOURS[finding.verdict])
        do = f"\n{'':22}do: {finding.do}" if finding.do else ""
        self.stdout.write(f"{paint(f'{finding.verdict.value:4}')}  {finding.check:15} {finding.detail}{do}")
