"""Beginning a season in the admin's list of seasons."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from marketdata import bus
from portfolios.models import Season
from portfolios.selectors import current_season
from tests.rows import enter, open_season

pytestmark = pytest.mark.django_db
LIST = "/admin/portfolios/season/"
BEGIN = LIST + "begin/"


@pytest.fixture(autouse=True)
def _empty_bus():
    bus.redis_client().flushall()


@pytest.fixture
def reader(client):
    """Someone of the staff who may look at seasons and no more."""
    user = get_user_model().objects.create_user("ann", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_season"))
    client.force_login(user)
    return client


def test_the_list_offers_a_new_season_with_the_liquidity_of_the_running_one(admin_client):
    season = open_season()
    season.liquidity = "shared"
    season.save()

    page = admin_client.get(LIST).content.decode()

    assert "Start a new season" in page
    assert f'action="{reverse("admin:portfolios_season_begin")}"' in page
    assert '<option value="shared" selected>' in page


def test_a_season_begun_in_the_list_has_its_name_liquidity_and_the_running_market(admin_client):
    first = open_season("simulated:3")
    enter(first, "a")

    answer = admin_client.post(BEGIN, {"name": "Winter", "liquidity": "shared", "confirmed": "on"}, follow=True)

    season = current_season()
    assert (season.number, season.name, season.market, season.liquidity) == (2, "Winter", "simulated:3", "shared")
    assert season.accounts.get().slug == "a"
    assert "Season 2: Winter on simulated:3 has begun, with shared liquidity." in answer.content.decode()


def test_what_is_not_valid_is_named_and_nothing_ends(admin_client):
    season = open_season()

    answer = admin_client.post(BEGIN, {"name": "", "liquidity": "common"}, follow=True)

    page = answer.content.decode()
    assert "Name: This field is required." in page
    assert "common is not one of the available choices" in page
    assert current_season() == season


def test_a_season_is_not_begun_before_its_consequence_is_ticked(admin_client):
    season = open_season()

    answer = admin_client.post(BEGIN, {"name": "Winter", "liquidity": "shared"}, follow=True)

    assert "tick it to say that all accounts shall be closed" in answer.content.decode()
    assert current_season() == season


def test_without_a_market_the_answer_says_so(admin_client):
    answer = admin_client.post(BEGIN, {"name": "Winter", "liquidity": "shared", "confirmed": "on"}, follow=True)

    assert "No market is known yet" in answer.content.decode()
    assert not Season.objects.exists()


def test_who_may_only_look_is_offered_nothing_and_refused(reader):
    season = open_season()

    page = reader.get(LIST)
    answer = reader.post(BEGIN, {"name": "Winter", "liquidity": "shared"})

    assert page.status_code == 200
    assert "Start a new season" not in page.content.decode()
    assert answer.status_code == 403
    assert current_season() == season


def test_others_are_sent_to_the_login_and_a_look_begins_nothing(client, admin_client):
    open_season()

    assert client.post(BEGIN, {"name": "Winter", "liquidity": "shared"}).status_code in (302, 403)
    assert admin_client.get(BEGIN).status_code == 405
    assert Season.objects.count() == 1
