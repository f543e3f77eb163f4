"""What each role finds in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from marketdata import bus
from portfolios.models import FeeSchedule, Season
from tests.rows import open_season
from tradingsite.access.roles import ADMIN, TRADER, VIEWER, give_role

pytestmark = pytest.mark.django_db
SCHEDULE = {"name": "broker-2026-01", "valid_from": "2026-01-01", "tiers": "0 0.10 0.05"}
PAGES = {
    "/admin/strategies/deployment/add/": (TRADER, ADMIN),
    "/admin/portfolios/season/": (TRADER, ADMIN),
    "/admin/portfolios/feeschedule/add/": (TRADER, ADMIN),
    "/admin/notifications/rule/add/": (TRADER, ADMIN),
    "/admin/portfolios/auditentry/": (TRADER, ADMIN),
    "/admin/auth/user/": (ADMIN,),
    "/admin/tradingsite/apitoken/add/": (ADMIN,),
    "/admin/tradingsite/sharelink/add/": (ADMIN,),
}


@pytest.fixture
def login(client):
    """Return a function that logs someone in with a role."""
    bus.redis_client().flushall()

    def logged_in(role):
        user = User.objects.create_user(role)
        give_role(user=user, role=role, by="test")
        client.force_login(user)
        return client

    return logged_in


@pytest.mark.parametrize("role", [VIEWER, TRADER, ADMIN])
def test_a_role_opens_its_pages_and_no_others(login, role):
    person = login(role)

    opened = {path for path in PAGES if person.get(path).status_code == 200}

    assert opened == {path for path, roles in PAGES.items() if role in roles}


def test_a_trader_begins_a_season_and_adds_a_fee_schedule(login):
    open_season("simulated:3")
    trader = login(TRADER)

    page = trader.get("/admin/portfolios/season/").content.decode()
    trader.post("/admin/portfolios/season/begin/", {"name": "Winter", "liquidity": "private", "confirmed": "on"})
    trader.post("/admin/portfolios/feeschedule/add/", SCHEDULE)

    assert "Start a new season" in page
    assert Season.objects.get(ended_at=None).name == "Winter"
    assert FeeSchedule.objects.get().by == TRADER
