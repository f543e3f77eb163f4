"""Channels and rules by API, admin and page: who may change them, and what is refused by name."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.notifications.models import Channel, Delivery, Rule
from dashboard.notifications.tasks import gather_job
from portfolios.models import AuditEntry
from portfolios.outbox.writing import announce
from tests.receiving import receiving
from tests.rows import enter, fill, open_season
from tradingsite.access.roles import give_role

API = "/api/v1/notifications/"


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def person(role):
    user = User.objects.create_user(role)
    give_role(user=user, role=role, by="test")
    return User.objects.get(pk=user.pk)


@pytest.fixture
def trader(client, db):
    client.force_login(person("trader"))
    return client


def post(client, address, **data):
    return client.post(f"{API}{address}", data, content_type="application/json")


def webhook(client, receiver, **fields):
    return post(client, "channels/", **{"name": "me", "kind": "webhook", "target": f"{receiver.url}/x", **fields})


def test_a_signing_key_is_shown_once_and_never_again(trader, receiver):
    made = webhook(trader, receiver)
    key = made.json()["signing_key"]

    shown = trader.get(f"{API}channels/{made.json()['id']}/").content.decode()
    listed = trader.get(f"{API}channels/").content.decode()

    assert made.status_code == 201
    assert Channel.objects.get().secret == key
    assert key not in shown + listed
    assert "secret" not in made.json()
    assert AuditEntry.objects.filter(kind="channel", action="created", by="trader").exists()
    assert not AuditEntry.objects.filter(sentence__contains=key).exists()


@pytest.mark.parametrize(
    ("fields", "field", "right"),
    [
        ({"target": "ftp://x"}, "target", "expected a URL that starts with https://"),
        ({"kind": "telegram", "target": "@paddock", "secret": "x"}, "secret", "as given by BotFather"),
        ({"kind": "telegram", "target": "me too"}, "target", "expected a chat id"),
        ({"kind": "email", "target": "nobody"}, "target", "expected an e-mail address"),
        ({"kind": "pigeon"}, "kind", "not a valid choice"),
        ({"colour": "red"}, "colour", "unknown; expected one of name, kind, target"),
    ],
)
def test_a_channel_that_cannot_be_reached_is_refused_by_field(trader, receiver, fields, field, right):
    answer = webhook(trader, receiver, **fields)

    assert answer.status_code == 400
    assert right in str(answer.json()["errors"][field])


@pytest.mark.parametrize(
    ("fields", "field", "right"),
    [
        ({"kind": "drawdown"}, "threshold_pct", "expected above 0"),
        ({"kind": "daily_summary"}, "hour", "0 to 23"),
        ({"zone": "Atlantis"}, "zone", "such as Europe/Berlin"),
        ({"least_result": "-1"}, "least_result", "losses count as well"),
        ({"per_hour": 0}, "per_hour", "1"),
        ({"deployments": "alpha"}, "deployments", "list"),
        ({"channel": 4711}, "channel", "4711"),
    ],
)
def test_a_rule_that_can_never_match_is_refused_by_field(trader, receiver, fields, field, right):
    channel = webhook(trader, receiver).json()["id"]

    answer = post(trader, "rules/", **{"name": "r", "kind": "fill", "channel": channel, **fields})

    assert answer.status_code == 400
    assert right in str(answer.json()["errors"][field])


def test_a_rule_is_changed_in_part_and_removed(trader, receiver):
    channel = webhook(trader, receiver).json()["id"]
    rule = post(trader, "rules/", name="fills", kind="fill", channel=channel).json()

    changed = trader.patch(f"{API}rules/{rule['id']}/", {"per_hour": 5}, content_type="application/json")
    removed = trader.delete(f"{API}rules/{rule['id']}/")

    assert (changed.json()["per_hour"], changed.json()["since"]) == (5, rule["since"])
    assert (removed.status_code, Rule.objects.count()) == (204, 0)


def test_a_test_button_sends_a_message_and_shows_the_response(trader, receiver):
    channel = webhook(trader, receiver).json()["id"]
    receiver.answers = [(200, {}), (403, {})]

    by_api = post(trader, f"channels/{channel}/test/")
    by_page = trader.post(f"/notifications/channels/{channel}/test/", follow=True).content.decode()

    assert by_api.json() == {"is_sent": True, "answer": "200 OK"}
    assert "me: 403 Forbidden" in by_page
    assert [got.json["title"] for got in receiver.received] == ["Paddock test message"] * 2


def test_what_failed_is_sent_again_and_nothing_else_is(trader, receiver):
    webhook(trader, receiver)
    rule = Rule.objects.create(name="r", kind="fill", channel=Channel.objects.get())
    failed = Delivery.objects.create(rule=rule, key="a", title="bought", state="failed", tries=6)
    sent = Delivery.objects.create(rule=rule, key="b", title="sold", state="sent")

    again, refused = (post(trader, f"deliveries/{row.pk}/again/") for row in (failed, sent))

    assert (again.json()["state"], again.json()["tries"]) == ("waiting", 0)
    assert refused.json()["errors"] == {"state": ["state is sent; only failed messages can be sent again"]}


def test_the_page_tells_channels_rules_and_the_log(trader, receiver):
    webhook(trader, receiver)
    rule = Rule.objects.create(name="big fills", kind="fill", channel=Channel.objects.get(), per_hour=7)
    Delivery.objects.create(rule=rule, key="a", title="alpha: bought", state="failed", answer="503 Unavailable")

    page = trader.get("/notifications/?state=failed").content.decode()

    for said in ("big fills", "alpha: bought", "503 Unavailable", "Send again"):
        assert said in page
    assert Channel.objects.get().secret not in page
    assert trader.get("/notifications/?state=lost").status_code == 404


def test_viewers_see_nothing_of_it(client, db):
    client.force_login(person("viewer"))

    assert client.get(f"{API}channels/").status_code == 403
    assert client.get("/notifications/").status_code in (302, 403)
    assert "/notifications/" not in client.get("/").content.decode()


def test_the_admin_keeps_a_secret_where_nothing_is_typed(client, receiver, db):
    client.force_login(person("admin"))
    form = {"name": "me", "kind": "webhook", "target": receiver.url, "secret": "", "is_enabled": "on"}
    added = client.post("/admin/notifications/channel/add/", form, follow=True).content.decode()
    channel = Channel.objects.get()

    client.post(f"/admin/notifications/channel/{channel.pk}/change/", {**form, "name": "you"})
    page = client.get(f"/admin/notifications/channel/{channel.pk}/change/").content.decode()

    assert (Channel.objects.get().name, Channel.objects.get().secret) == ("you", channel.secret)
    assert channel.secret in added
    assert channel.secret not in page


def test_the_admin_takes_names_after_commas(client, receiver, db):
    client.force_login(person("admin"))
    channel = Channel.objects.create(name="me", kind="webhook", target=receiver.url, secret="key")
    form = {"name": "fills", "kind": "fill", "channel": channel.pk, "zone": "UTC", "per_hour": 5, "is_enabled": "on"}

    client.post("/admin/notifications/rule/add/", {**form, "deployments": "alpha, bravo,", "symbols": ""})
    rule = Rule.objects.get()
    page = client.get(f"/admin/notifications/rule/{rule.pk}/change/").content.decode()

    assert (rule.deployments, rule.symbols) == (["alpha", "bravo"], [])
    assert 'value="alpha, bravo"' in page


@pytest.mark.django_db(transaction=True)
def test_the_jobs_carry_a_fill_from_the_stream_to_the_other_side(client, receiver, settings):
    from tradingsite.celery import app

    client.force_login(person("trader"))
    webhook(client, receiver)
    post(client, "rules/", name="fills", kind="fill", channel=Channel.objects.get().pk)
    app.conf.task_always_eager = True
    try:
        gather_job()
        announce(orders=[], fills=[fill(enter(open_season(), "alpha"), time=timezone.now())], trips=[])
        gather_job()
        gather_job()
    finally:
        app.conf.task_always_eager = False

    assert [got.json["title"] for got in receiver.received] == ["alpha: buy 0.0005 BTC/USD at 64000"]
    assert Delivery.objects.get().state == "sent"


def test_a_rule_understands_pairs_in_every_spelling_and_refuses_what_is_none(trader, receiver):
    channel = webhook(trader, receiver).json()["id"]

    answer = post(trader, "rules/", name="r", kind="fill", channel=channel, symbols=["XBT/USD", "eth-eur"])
    refused = post(trader, "rules/", name="s", kind="fill", channel=channel, symbols=["BTC"])

    assert answer.json()["symbols"] == ["BTC/USD", "ETH/EUR"]
    assert refused.status_code == 400
    assert "pair is 'BTC'" in str(refused.json()["errors"]["symbols"])
