from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.notifications.models import Channel, Delivery, DeliveryState, Rule
from dashboard.notifications.sending import PAUSES_S, send_delivery, signature
from dashboard.notifications.services import save_channel, try_channel
from tests.processes import free_port
from tests.receiving import receiving, taking_mail

pytestmark = pytest.mark.django_db
TITLE = "alpha: buy 1 BTC/USD at 64000"
BOT = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def channel(kind, target, secret="", name="me"):
    row = Channel(name=name, kind=kind, target=target, secret=secret)
    save_channel(row, by="test")
    return row


def waiting(to, **fields):
    rule, _ = Rule.objects.get_or_create(name=f"fills to {to}", channel=to, kind="fill")
    message = {
        "key": "fill-1",
        "title": "alpha: buy 1 BTC/USD at 64000",
        "text": "random entry",
        "data": {"qty": "1"},
    }
    return Delivery.objects.create(
        rule=rule, state=DeliveryState.WAITING, next_try_at=timezone.now(), **{**message, **fields}
    )


def later(**span):
    return timezone.now() + timedelta(**span)


def test_a_webhook_gets_the_fact_signed(receiver):
    to = channel("webhook", f"{receiver.url}/hook")
    delivery = waiting(to)

    outcome = send_delivery(delivery.pk, timezone.now())

    (got,) = receiver.received
    stamp = int(got.headers["X-Paddock-Signature"].split(",")[0].removeprefix("t="))
    assert outcome.is_sent
    assert got.headers["X-Paddock-Signature"] == signature(to.secret, stamp, got.body)
    assert got.headers["Paddock-Event-Id"] == got.json["id"] == delivery.event_id
    assert (got.json["title"], got.json["data"], got.json["kind"]) == (delivery.title, {"qty": "1"}, "fill")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.answer) == ("sent", 1, "204 No Content")


def test_the_example_of_the_guide_verifies_a_signature_and_refuses_a_forged_one():
    from pathlib import Path

    guide = Path("docs/notifications.md").read_text()
    code = guide.split("```python\n")[1].split("```")[0]
    scope = {}
    exec(code, scope)
    body = b'{"title": "hello"}'

    assert scope["is_genuine"]("key", signature("key", 1_783_425_600, body), body, now_s=1_783_425_650)
    assert not scope["is_genuine"]("key", signature("other", 1_783_425_600, body), body, now_s=1_783_425_650)
    assert not scope["is_genuine"]("key", signature("key", 1_783_425_600, body), b"{}", now_s=1_783_425_650)
    assert not scope["is_genuine"]("key", signature("key", 1_783_425_600, body), body, now_s=1_783_429_999)


def test_telegram_gets_a_message_of_its_bot(receiver, settings):
    settings.PADDOCK_TELEGRAM_URL = receiver.url

    send_delivery(waiting(channel("telegram", "-1001234", BOT)).pk, timezone.now())

    (got,) = receiver.received
    assert got.path == f"/bot{BOT}/sendMessage"
    assert got.json["chat_id"] == "-1001234"
    assert got.json["text"] == "alpha: buy 1 BTC/USD at 64000\nrandom entry"


def test_discord_gets_an_embed_that_calls_nobody(receiver):
    send_delivery(waiting(channel("discord", f"{receiver.url}/api/webhooks/1/x")).pk, timezone.now())

    (got,) = receiver.received
    assert got.json["embeds"][0]["title"] == "alpha: buy 1 BTC/USD at 64000"
    assert got.json["allowed_mentions"] == {"parse": []}


def test_mail_goes_through_the_server_that_is_set(settings):
    with taking_mail() as (port, messages):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
        delivery = waiting(channel("email", "me@example.com"))

        assert send_delivery(delivery.pk, timezone.now()).is_sent

    assert "Subject: alpha: buy 1 BTC/USD at 64000" in messages[0]
    assert "random entry" in messages[0]


def test_without_a_mail_server_the_log_says_what_to_set(settings):
    settings.EMAIL_HOST = ""

    outcome = send_delivery(waiting(channel("email", "me@example.com")).pk, timezone.now())

    assert (outcome.is_sent, outcome.answer) == (False, "no mail server configured: set PADDOCK_SMTP_HOST")


def test_what_is_refused_for_a_while_is_tried_again_later_and_later(receiver):
    receiver.answers = [(503, {})] * 2
    delivery = waiting(channel("webhook", receiver.url))

    send_delivery(delivery.pk, timezone.now())
    too_early = send_delivery(delivery.pk, later(seconds=PAUSES_S[0] * 0.5))
    send_delivery(delivery.pk, later(seconds=PAUSES_S[0] * 2))
    send_delivery(delivery.pk, later(hours=1))

    delivery.refresh_from_db()
    assert too_early is None
    assert len(receiver.received) == 3
    assert len({got.headers["Paddock-Event-Id"] for got in receiver.received}) == 1
    assert (delivery.state, delivery.tries) == ("sent", 3)


def test_the_other_side_may_say_when(receiver):
    receiver.answers = [(429, {"Retry-After": "3600"})]
    delivery = waiting(channel("webhook", receiver.url))
    now = timezone.now()

    send_delivery(delivery.pk, now)

    delivery.refresh_from_db()
    assert delivery.next_try_at == now + timedelta(hours=1)


@pytest.mark.parametrize("status", [400, 401, 404, 301])
def test_what_is_refused_for_good_is_not_tried_again_and_redirects_are_not_followed(receiver, status):
    receiver.answers = [(status, {"Location": f"{receiver.url}/elsewhere"})]
    delivery = waiting(channel("webhook", receiver.url))

    send_delivery(delivery.pk, timezone.now())

    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert delivery.answer.startswith(str(status))
    assert [got.path for got in receiver.received] == ["/"]


def test_after_the_last_try_it_has_failed():
    delivery = waiting(channel("webhook", f"http://127.0.0.1:{free_port()}"))

    for hours in range(len(PAUSES_S) + 3):
        send_delivery(delivery.pk, later(hours=3 * hours))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.answer) == (
        "failed",
        len(PAUSES_S) + 1,
        "not reached: ConnectError",
    )


def test_a_sent_one_is_not_sent_twice(receiver):
    delivery = waiting(channel("webhook", receiver.url))

    send_delivery(delivery.pk, timezone.now())
    send_delivery(delivery.pk, later(hours=1))

    assert len(receiver.received) == 1


def test_no_secret_is_shown_or_logged(receiver, settings, caplog):
    settings.PADDOCK_TELEGRAM_URL = receiver.url
    receiver.answers = [(401, {})]
    to = channel("telegram", "-1001234", BOT)

    with caplog.at_level("DEBUG"):
        outcome = try_channel(to, by="ada")

    assert not outcome.is_sent
    assert BOT not in f"{outcome}{caplog.text}"
    hook = channel("discord", f"{receiver.url}/api/webhooks/1/very-secret-token", name="other")
    assert "very-secret" not in hook.shown_target
