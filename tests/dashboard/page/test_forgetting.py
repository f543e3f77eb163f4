"""A page that nobody looks at keeps nothing of what it showed."""

from __future__ import annotations

import asyncio

import pytest

from dashboard.page.broadcaster import Broadcaster
from dashboard.panels import SYSTEM_PANELS
from dashboard.system.scene import system_scene

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_last_reader_to_leave_takes_the_page_with_them() -> None:
    broadcaster = Broadcaster(system_scene, SYSTEM_PANELS, slug="")

    async def come_and_go() -> tuple[object, object]:
        async def send(_: str) -> None:
            return None

        await broadcaster.join(send)
        shown = broadcaster._scene
        await broadcaster.leave(send)
        return shown, broadcaster._scene

    shown, left = asyncio.run(come_and_go())

    assert shown is not None
    assert left is None
