"""Where the recorded market data is that tests replay: too much to keep beside them."""

import os
from pathlib import Path

DATA = Path(os.environ.get("PADDOCK_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
