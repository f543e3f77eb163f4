from datetime import timedelta

import pytest
from django.utils import timezone

from strategies.deployments import selectors
from strategies.league.board import Health, contestant_named, league_board
from strategies.models import DeploymentEvent, DeploymentStatus, Worker
from tests.rows import NOON, enter, feed, open_season, quote, stand

pytestmark = pytest.mark.django_db


def note(deployment, kind, *, minutes=0, sequence=0, summary="said"):
    DeploymentEvent.objects.create(
        deployment=deployment, event_id=f"{kind}-{minutes}", kind=kind, summary=summary, sequence=sequence,
        time=NOON + timedelta(minutes=minutes),
    )  # fmt: skip


def health_of(deployment, feed_state):
    contestant = contestant_named(deployment.slug, deployment.account.season, feed_state)
    return contestant.health, contestant.health_reason


@pytest.fixture
def deployment():
    row = enter(open_season(), "a")
    stand(row, "100")
    return row


def test_a_trading_deployment_is_well(deployment):
    assert health_of(deployment, feed()) == (Health.OK, "trading")


def test_a_paused_deployment_says_why(deployment):
    deployment.status, deployment.status_reason = DeploymentStatus.PAUSED, "looking at its fees"
    deployment.save()

    assert health_of(deployment, feed()) == (Health.PAUSED, "looking at its fees")


def test_an_error_stands_until_someone_has_enabled_it_again(deployment):
    note(deployment, "error", minutes=-5, summary="ZeroDivisionError")
    broken = health_of(deployment, feed())
    note(deployment, "resumed", minutes=-1)

    assert broken == (Health.ERROR, "ZeroDivisionError")
    assert health_of(deployment, feed())[0] is Health.OK


def test_a_gap_in_this_accounts_record_is_reported(deployment):
    note(deployment, "gap", sequence=5, summary="frames 1 to 4")

    assert health_of(deployment, feed())[0] is Health.GAP


def test_a_gap_before_the_account_was_opened_is_not_its_business(deployment):
    deployment.account.first_sequence = 10
    deployment.account.save()
    note(deployment, "gap", sequence=5)

    assert health_of(deployment, feed())[0] is Health.OK


@pytest.mark.parametrize(
    ("state", "reason"),
    [(None, "no feed is running"),
     (feed(symbols={}), "the feed does not carry BTC/USD"),
     (feed(symbols={"BTC/USD": quote("1", "2", book_age_s=90.0)}), "the book of BTC/USD is 90 s old")],
)  # fmt: skip
def test_missing_data_are_named(deployment, state, reason):
    assert health_of(deployment, state) == (Health.NO_DATA, reason)


def test_a_strategy_that_is_gone_is_an_error(deployment):
    deployment.strategy = "vanished"
    deployment.save()

    assert health_of(deployment, feed()) == (Health.ERROR, "no strategy called 'vanished' was found")


def test_the_board_takes_four_queries_however_many_compete(django_assert_num_queries):
    season = open_season()
    for number in range(20):
        row = enter(season, f"d{number}")
        stand(row, "100")
        note(row, "error", minutes=-number)

    with django_assert_num_queries(4):
        board = league_board(season, feed())

    assert len(board) == 20


def test_settings_show_what_differs_first_and_keys_that_are_unknown():
    from strategies.versions import registry

    row = enter(None, "a", strategy="ema_cross", config={"slow": 30, "fast": 9, "gone": 1})

    settings = selectors.settings_of(row, registry.found()["ema_cross"])

    assert [(s.key, s.value, s.default) for s in settings if s.is_changed] == [("slow", 30, 21), ("gone", 1, None)]
    assert {s.key for s in settings} >= {"fast", "slow", "timeframe", "gone"}


def test_workers_count_while_their_heartbeat_is_fresh():
    now = timezone.now()
    for name, age_s in {"alive": 2, "dead": 20}.items():
        Worker.objects.create(name=name, started_at=now, heartbeat_at=now - timedelta(seconds=age_s))

    assert selectors.live_worker_count() == 1


def test_a_quarantined_deployment_says_what_it_did(deployment):
    deployment.status, deployment.status_reason = DeploymentStatus.QUARANTINED, "hung at frame 7"
    deployment.save()

    assert health_of(deployment, feed()) == (Health.QUARANTINED, "quarantined: it hung at frame 7")
