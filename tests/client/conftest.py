"""A league, and clients of the real site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from marketdata import bus
from paddock_client import Paddock
from strategies.models import Deployment
from tests.rows import enter, open_season, run_feed, stand
from tradingsite.access.roles import give_role
from tradingsite.access.tokens import make_token


@pytest.fixture
def league() -> Iterator[dict[str, Deployment]]:
    run_feed()
    season = open_season()
    rows = {slug: enter(season, slug) for slug in ("alpha", "bravo")}
    stand(rows["alpha"], "103.5", round_trips=4, wins=3)
    stand(rows["bravo"], "99")
    yield rows
    bus.clear_feed_state()


@pytest.fixture
def site(live_server) -> Iterator[Paddock]:
    """A client without a token."""
    with Paddock(live_server.url) as client:
        yield client


@pytest.fixture
def trader(live_server) -> Iterator[Paddock]:
    """A client with the token of a trader who trades."""
    user = User.objects.create_user("tess")
    give_role(user=user, role="trader", by="test")
    _, secret = make_token(user=user, name="robot", scopes=["read", "trade"], by="test")
    with Paddock(live_server.url, secret) as client:
        yield client
