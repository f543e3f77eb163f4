"""The data folder is its owner's alone: it holds the database, the key that signs sessions, and backups."""

from __future__ import annotations

import os
from pathlib import Path

from tradingsite.launcher.options import CannotStart


def keep_to_ourselves(folder: Path) -> None:
    """Check that a folder is ours, and let nobody else look into it.

    Raises:
        CannotStart: it belongs to somebody else.
    """
    state = folder.stat()
    if state.st_uid != os.geteuid():
        raise CannotStart(
            f"--data-dir {folder} belongs to user {state.st_uid}, this is user {os.geteuid()}: expected a folder of "
            "one's own; start as its owner, or choose another with --data-dir"
        )
    if state.st_mode & 0o077:
        folder.chmod(0o700)
