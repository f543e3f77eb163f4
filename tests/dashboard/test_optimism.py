"""The fill-model band: on the league page, on a deployment's page and in the API."""

from __future__ import annotations

from decimal import Decimal

import pytest

from marketdata import bus
from strategies.models import Deployment
from tests.rows import enter, open_season, shadow, stand

pytestmark = pytest.mark.django_db
TITLE = "realistic (own) −0.50 %, optimistic +1.25 %, pessimistic −2.00 %; since 2026-07-07 12:00:00 UTC"


@pytest.fixture(autouse=True)
def no_feed():
    bus.clear_feed_state()


@pytest.fixture
def deployment() -> Deployment:
    """Its own result stands between those of its shadows; all three were worth 100 at noon."""
    row = enter(open_season(), "a")
    stand(row, "99.5")
    shadow(row, "pessimistic", "98", fills=3, fees=Decimal("0.75"))
    shadow(row, "optimistic", "101.25", fills=4)
    return row


def test_the_league_shows_the_band_and_its_title_each_model(client, deployment) -> None:
    page = client.get("/").content.decode()

    assert f'<span class="band" title="{TITLE}">−2.00 … +1.25 %</span>' in page


def test_a_deployments_page_shows_every_model_with_its_own_first(client, deployment) -> None:
    page = client.get("/deployments/a").content.decode()

    own, best, worst = (page.index(f'id="model-{model}"') for model in ("realistic", "optimistic", "pessimistic"))
    assert own < best < worst
    assert "optimism gap 3.25 pp" in page
    assert '<td class="num" data-label="Equity">98.0000</td>' in page[worst:]
    assert '<td class="num" data-label="Fees">0.7500</td>' in page[worst:]


def test_the_api_tells_shadows_gap_and_band(client, deployment) -> None:
    row = client.get("/api/v1/league/").json()["rows"][0]
    detail = client.get("/api/v1/deployments/a/").json()

    for answer in (row, detail, detail["standing"]):
        assert (answer["optimism_gap_pct"], answer["optimism_band_pct"]) == ("3.25", ["-2", "1.25"])
        assert (answer["optimism_since"], answer["optimism_reason"]) == ("2026-07-07T12:00:00Z", None)
        best, worst = answer["shadows"]
        assert (best["fill_model"], best["equity"], best["return_pct"], best["fills"]) == (
            "optimistic", "101.25", "1.25", 4,
        )  # fmt: skip
        assert (worst["fill_model"], worst["fees"], worst["since"]) == ("pessimistic", "0.75", "2026-07-07T12:00:00Z")
        assert "checkpoint" not in worst
    assert detail["shadow_choice"] == "auto"


@pytest.mark.parametrize(
    ("choice", "best", "reason"),
    [
        ("auto", 0, "only the best 0 of the league have shadows"),
        ("auto", 1, "no worker has begun its shadows yet"),
        ("on", 0, "no worker has begun its shadows yet"),
        ("off", 1, "its shadows are switched off"),
    ],
)
def test_without_shadows_a_dash_says_why(client, settings, choice: str, best: int, reason: str) -> None:
    settings.PADDOCK_SHADOWS_TOP = best
    stand(enter(open_season(), "a", shadows=choice), "101")

    row = client.get("/api/v1/league/").json()["rows"][0]

    assert (row["shadows"], row["optimism_gap_pct"], row["optimism_band_pct"]) == ([], None, None)
    assert row["optimism_reason"] == reason
    assert f'<span class="unknown" title="{reason.capitalize()}">–</span>' in client.get("/").content.decode()
    assert reason.capitalize() in client.get("/deployments/a").content.decode()


def test_rows_of_shadows_just_switched_off_are_no_news(client, deployment) -> None:
    Deployment.objects.update(shadows="off")

    assert client.get("/api/v1/league/").json()["rows"][0]["shadows"] == []


def test_shadows_not_yet_valued_are_shown_without_a_band(client) -> None:
    row = enter(open_season(), "a")
    shadow(row, "optimistic", None, since=None, since_equity=None, as_of=None)

    answer = client.get("/api/v1/deployments/a/").json()

    assert (answer["optimism_gap_pct"], answer["optimism_reason"]) == (None, "no worker has valued its shadows yet")
    assert (answer["shadows"][0]["equity"], answer["shadows"][0]["return_pct"]) == (None, None)
    assert client.get("/deployments/a").status_code == 200


def test_an_account_that_was_worth_nothing_has_no_band(client) -> None:
    row = enter(open_season(), "a")
    stand(row, "0")
    shadow(row, "optimistic", "0", since_equity=Decimal(0), since_result=Decimal(-100))

    answer = client.get("/api/v1/deployments/a/").json()

    assert answer["optimism_reason"] == "the account was worth nothing when its shadows began"


def test_without_an_account_there_is_nothing_to_compare(client) -> None:
    enter(None, "a")

    answer = client.get("/api/v1/deployments/a/").json()

    assert (answer["shadows"], answer["optimism_gap_pct"]) == ([], None)
    assert answer["optimism_reason"] == "it has no account in the running season"
    assert "No account in the running season" in client.get("/deployments/a").content.decode()


def test_the_season_line_and_the_api_name_the_liquidity(client) -> None:
    season = open_season()
    season.liquidity = "shared"
    season.save()

    assert "shared liquidity" in client.get("/").content.decode()
    assert client.get("/api/v1/league/").json()["season"]["liquidity"] == "shared"
