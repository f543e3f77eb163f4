"""`manage.py recordings`: what the feed has recorded, and whether it is whole."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketdata.recording.files import InvalidRecording
from marketdata.recording.folders import RecordedFile, State, files_in, recorded_file, verify
from trading.frames import NS_PER_S, utc


class Command(BaseCommand):
    """List the recordings from their indexes; exit with an error when one is damaged."""

    help = "List the recordings; `replay` and `run_feed --source recording:PATH` play a file or a folder of them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, nargs="?", help="a file or folder; default: all below PADDOCK_DATA_DIR")
        parser.add_argument("--json", action="store_true", help="a JSON list instead of a table")
        parser.add_argument("--verify", action="store_true", help="read every file that is not being written")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["path"] or settings.PADDOCK_DATA_DIR / "recordings"
        if options["path"] is not None and not root.exists():
            raise CommandError(f"{root}: no such file or folder")
        rows, damages = [], []
        for path in [root] if root.is_file() else files_in(root):
            try:
                listed = recorded_file(path)
            except InvalidRecording as error:
                damages.append(str(error))
                continue
            row = _row(listed, root)
            if options["verify"] and listed.state is not State.RECORDING:
                damage = verify(listed)
                row["verified"] = damage is None
                damages += [damage] if damage is not None else []
            rows.append(row)
        self.stdout.write(json.dumps(rows) if options["json"] else _table(rows))
        if damages:
            raise CommandError("\n".join(damages))


def _row(listed: RecordedFile, root: Path) -> dict[str, Any]:
    index = listed.index
    return {
        "file": str(listed.path.relative_to(root)) if listed.path != root else listed.path.name,
        "market": listed.header.market,
        "symbols": list(listed.header.symbols),
        "start": utc(index.started_ns).isoformat(),
        "end": utc(index.ended_ns).isoformat(),
        "duration_s": round((index.ended_ns - index.started_ns) / NS_PER_S, 3),
        "messages": index.messages,
        "bytes": index.bytes,
        "state": listed.state.value,
        "sha256": index.sha256,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "nothing is recorded yet"
    lines = [f"{'market':<16} {'start (UTC)':<19} {'end (UTC)':<19} {'seconds':>9} {'messages':>12} {'MB':>9}  state"]
    for row in rows:
        times = f"{row['start'][:19]} {row['end'][:19]} {row['duration_s']:>9.1f}"
        proved = {True: ", verified", False: ", DAMAGED", None: ""}[row.get("verified")]
        size = f"{row['messages']:>12,} {row['bytes'] / 1e6:>9.2f}"
        lines += [f"{row['market']:<16} {times} {size}  {row['state']}{proved}", f"    {row['file']}"]
    return "\n".join(lines)
