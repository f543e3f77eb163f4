"""What every test may rely on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import connections


@pytest.fixture
async def closed_connections() -> AsyncIterator[None]:
    """Close, after a test, the database connections that `WebsocketCommunicator` keeps Channels from closing."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def folder(tmp_path: Path, settings) -> Iterator[Path]:
    """A folder of the user's own for strategies, and an empty one for Paddock's data."""
    from strategies.versions import registry

    mine = tmp_path / "mine"
    mine.mkdir()
    settings.STRATEGY_PATHS = [mine]
    settings.PADDOCK_DATA_DIR = tmp_path / "data"
    registry.rescan()
    yield mine
    registry.rescan()
