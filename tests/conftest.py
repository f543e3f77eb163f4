"""What every test may rely on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections


@pytest.fixture
async def closed_connections() -> AsyncIterator[None]:
    """Close, after a test, the database connections that `WebsocketCommunicator` keeps Channels from closing."""
    yield
    await sync_to_async(connections.close_all)()
