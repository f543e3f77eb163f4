"""Two deployments on a short stretch of the captured market: one is harmed, its neighbour must stay whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.neighbours import League
from tests.season import captured_frames, on_the_stream
from trading.frames import Frame


@pytest.fixture
def stream() -> Iterator[list[Frame]]:
    with on_the_stream(captured_frames()[:120]) as frames:
        yield frames


@pytest.fixture
def league(stream: list[Frame]) -> League:
    return League()
