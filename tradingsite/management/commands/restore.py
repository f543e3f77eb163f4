"""`manage.py restore`: a backup in the place of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tradingsite.backups import BackupFailed, put_back


def _answer(question: str) -> str:
    try:
        return input(question)
    except (EOFError, RuntimeError):  # standard input has ended, or there is none
        raise CommandError(
            "nothing was changed: restore asks whether you are sure, and nobody answers here; "
            "run it in a terminal, or add --no-input"
        ) from None


class Command(BaseCommand):
    """Put a backup back."""

    help = (
        "Put a backup in the place of the database, while everything runs: processes lose their connections and go on "
        "from what the backup holds. The database that was there stays, under another name. Tokens, links and sessions "
        "that were revoked or have ended since stay closed; users keep the password and the role of now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what manage.py backup has written")
        parser.add_argument("--no-input", action="store_true", help="do not ask whether you are sure")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"].absolute()
        if not path.is_file():
            raise CommandError(f"file is {path}: expected a file that manage.py backup has written")
        if not options["no_input"] and _answer(f"Have the database be as {path.name} has it? [yes/no] ") != "yes":
            raise CommandError("nothing was changed: only yes goes on")
        try:
            done = put_back(path, by="manage.py restore")
        except BackupFailed as error:
            raise CommandError(f"nothing was changed: {error}") from None
        self.stdout.write(f"{path.name} is the database now; the other stays as {done.before} until you drop it")
        for word, lines in (("kept", done.access.kept), ("closed", done.access.closed)):
            self.stdout.write("".join(f"{word:<7} {line}\n" for line in lines) or f"{word:<7} none\n", ending="")
