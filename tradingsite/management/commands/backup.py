"""`manage.py backup`: the whole database in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tradingsite.backups import BackupFailed, make_backup

KEPT = 7


class Command(BaseCommand):
    """Make a backup."""

    help = (
        "Write the whole database into a file while everything runs: seasons, accounts, fills, ledger, candles, users. "
        "`manage.py restore FILE` puts it back. Recordings and strategies of your own are files already: copy them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, help="where to (default: backups in the data folder)")
        parser.add_argument(
            "--keep", type=int, default=KEPT, metavar="N", help=f"how many stay in the folder (default: {KEPT})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError(f"--keep is {options['keep']}: expected a whole number of at least 1")
        folder = (options["folder"] or settings.PADDOCK_DATA_DIR / "backups").absolute()
        try:
            path = make_backup(folder, keep=options["keep"], by="manage.py backup")
        except BackupFailed as error:
            raise CommandError(f"no backup was made: {error}") from None
        self.stdout.write(f"{path}  {path.stat().st_size:,} bytes")
