"""A league of which every endpoint has something to answer."""

from __future__ import annotations

import pytest
from rest_framework.throttling import SimpleRateThrottle

from tests.listening import forget_all, list_pair, store
from tests.rows import drawn_curve, enter, fill, open_season, run_feed, shadow, stand


@pytest.fixture
def league(monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anonymous": None, "user": None, "change": None})
    forget_all()
    run_feed()
    list_pair()
    store([64_000 + at % 9 for at in range(50)])
    deployment = enter(open_season(), "alpha")
    drawn_curve(deployment, points=20)
    stand(deployment, "103", fills=1)
    fill(deployment)
    shadow(deployment, "optimistic", "104.25")
    yield deployment
    forget_all()
