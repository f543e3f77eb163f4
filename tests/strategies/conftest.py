from collections.abc import Iterator
from pathlib import Path

import pytest

from strategies import registry


@pytest.fixture
def folder(tmp_path: Path, settings) -> Iterator[Path]:
    """A folder of the user's own for strategies, and an empty one for Paddock's data."""
    mine = tmp_path / "mine"
    mine.mkdir()
    settings.STRATEGY_PATHS = [mine]
    settings.PADDOCK_DATA_DIR = tmp_path / "data"
    registry.rescan()
    yield mine
    registry.rescan()
