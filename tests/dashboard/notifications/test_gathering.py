import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from dashboard.notifications.gathering import gather
from dashboard.notifications.models import Channel, Delivery, Reading, Rule
from dashboard.notifications.services import save_rule
from marketdata.models import FeedEvent
from portfolios.models import Message
from portfolios.outbox.writing import announce, write_messages
from strategies.deployments.services import pause_deployment
from tests.rows import MARKET, NOON, drawn_curve, enter, fill, open_season, stand

# The stream is read up to the oldest open transaction: the test's own must end.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def channel():
    return Channel.objects.create(name="me", kind="webhook", target="https://example.com/hook", secret="key")


@pytest.fixture
def deployment(channel):
    row = enter(open_season(), "alpha")
    stand(row, "100")
    return row


def rule(channel, kind, **fields):
    row = Rule(name=fields.pop("name", kind), channel=channel, kind=kind, **fields)
    save_rule(row, by="test")
    gather(timezone.now())
    return row


def traded(deployment, number=1, **fields):
    row = fill(deployment, number, **fields)
    announce(orders=[], fills=[row], trips=[])
    return row


def titles():
    return list(Delivery.objects.order_by("pk").values_list("title", flat=True))


def states():
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_a_fill_is_sent_once_however_often_jobs_run(channel, deployment):
    rule(channel, "fill")
    traded(deployment)

    gather(timezone.now())
    gather(timezone.now())

    assert titles() == ["alpha: buy 0.0005 BTC/USD at 64000"]
    assert states() == ["waiting"]


def test_a_crash_repeats_nothing_and_loses_nothing(channel, deployment):
    rule(channel, "fill")
    traded(deployment)
    with pytest.raises(RuntimeError), transaction.atomic():
        gather(timezone.now())
        raise RuntimeError("the process dies before it commits")
    nothing = titles()

    gather(timezone.now())
    Reading.objects.update(xid=0, message=0)
    gather(timezone.now())

    assert nothing == []
    assert len(titles()) == 1


def test_events_before_a_rule_are_not_sent(channel, deployment):
    rule(channel, "round_trip")
    traded(deployment)
    later = Rule(name="fills", channel=channel, kind="fill")
    save_rule(later, by="test")

    gather(timezone.now())
    traded(deployment, 2)
    gather(timezone.now())

    assert Delivery.objects.count() == 1


def test_after_a_night_s_downtime_old_events_are_not_sent(channel, deployment):
    rule(channel, "fill", since=timezone.now() - timedelta(days=2))
    traded(deployment)

    gather(timezone.now() + timedelta(hours=9))

    assert titles() == []


def test_a_rule_hears_only_of_what_it_asks_for(channel, deployment):
    other = enter(deployment.account.season, "beta")
    rule(channel, "fill", name="of beta", deployments=["beta"])
    rule(channel, "fill", name="of ether", symbols=["ETH/USD"])
    rule(channel, "fill", name="large", least_result=Decimal(5))
    traded(deployment, 1)
    traded(deployment, 2, symbol="ETH/USD", result=Decimal(-7))
    traded(other, 3)

    gather(timezone.now())

    deliveries = Delivery.objects.values_list("rule__name", "title")
    assert sorted((name, title.split(":")[0], "ETH" in title) for name, title in deliveries) == [
        ("large", "alpha", True),
        ("of beta", "beta", False),
        ("of ether", "alpha", True),
    ]


def test_pauses_and_errors_are_sent(channel, deployment):
    rule(channel, "pause")
    rule(channel, "error")

    pause_deployment(deployment=deployment, by="ada", reason="looking at its fees")
    data = {"kind": "error", "summary": "ZeroDivisionError: division by zero"}
    write_messages([Message(kind="event", slug="alpha", data=data)])
    gather(timezone.now())

    assert titles() == ["alpha: paused", "alpha: error"]
    assert Delivery.objects.get(rule__kind="error").text == "ZeroDivisionError: division by zero"


def test_a_lost_feed_is_sent_and_that_it_is_back(channel):
    rule(channel, "stale_feed")
    for kind in ("disconnect", "resync", "connect"):
        FeedEvent.objects.create(market=MARKET, time=NOON, kind=kind, detail="the socket was closed")

    gather(timezone.now())

    assert titles() == ["Feed disconnected", "Feed connected"]


def test_a_drawdown_is_sent_once_for_each_peak(channel, deployment):
    rule(channel, "drawdown", threshold_pct=Decimal(10))
    deep = {"peak_equity": Decimal(100), "drawdown_pct": Decimal(12)}
    stand(deployment, "88", **deep)

    gather(timezone.now())
    stand(deployment, "95", peak_equity=Decimal(100), drawdown_pct=Decimal(5))
    gather(timezone.now())
    stand(deployment, "85", peak_equity=Decimal(100), drawdown_pct=Decimal(15))
    gather(timezone.now())
    stand(deployment, "99", peak_equity=Decimal(110), drawdown_pct=Decimal(10))
    gather(timezone.now())

    assert titles() == ["alpha: 12.00 % below its peak", "alpha: 10.00 % below its peak"]


def test_the_day_is_summed_up_at_its_hour_in_the_reader_s_zone(channel, deployment):
    drawn_curve(deployment, points=3)
    seven_in_berlin = datetime(2026, 7, 8, 5, 0, tzinfo=UTC)
    row = rule(channel, "daily_summary", hour=7, zone="Europe/Berlin")
    Rule.objects.filter(pk=row.pk).update(since=NOON)

    gather(seven_in_berlin - timedelta(minutes=1))
    early = titles()
    gather(seven_in_berlin + timedelta(seconds=3))
    gather(seven_in_berlin + timedelta(minutes=20))
    gather(seven_in_berlin + timedelta(hours=5))

    assert early == []
    assert titles() == ["Test league: last 24 h, 1 deployments"]
    assert "Alpha" in Delivery.objects.get().text


def test_more_than_is_allowed_an_hour_becomes_one_message(channel, deployment):
    rule(channel, "fill", per_hour=3)
    for number in range(40):
        traded(deployment, number)
    gather(timezone.now())
    first = states()

    for number in range(40, 45):
        traded(deployment, number)
    gather(timezone.now())
    meanwhile = states().count("held")
    gather(timezone.now() + timedelta(minutes=61))

    assert [first.count(state) for state in ("waiting", "folded", "held")] == [3, 38, 0]
    assert meanwhile == 5
    digests = [title for title in titles() if "more" in title]
    assert digests[0] == "fill: 38 more"
    assert "and 28 more" in Delivery.objects.get(title="fill: 38 more").text
    assert states().count("held") == 0


def test_the_data_of_a_message_is_the_api_s(channel, deployment):
    rule(channel, "fill")
    traded(deployment)
    gather(timezone.now())

    data = Delivery.objects.get().data

    assert data["fill_id"] == "alpha-1-0"
    assert json.loads(json.dumps(data)) == data
