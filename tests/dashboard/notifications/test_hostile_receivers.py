"""Receivers that lead elsewhere, never end or talk too much: nothing of this machine is reached, nobody waits."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from dashboard.notifications import posting
from dashboard.notifications.addresses import is_allowed
from dashboard.notifications.models import Channel, Delivery, DeliveryState, Rule
from dashboard.notifications.sending import carry
from dashboard.notifications.services import save_channel
from dashboard.notifications.tasks import send_to_channel_job
from tests.receiving import receiving

MESSAGE = {"id": "1", "kind": "test", "rule": "", "title": "hello", "text": "", "time": "", "data": {}}
OURS_OR_PRIVATE = (
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "::ffff:127.0.0.1"),
    *("64:ff9b::7f00:1", "2002:7f00:1::1", "ff02::1"),
)


def webhook(url):
    return Channel(name="me", kind="webhook", target=url, secret="key")


def resolving(monkeypatch, *answers):
    """Let each resolution of a name give the next of these addresses."""
    left, asked = list(answers), []

    def resolve(host, port, **_):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0), port))]

    monkeypatch.setattr(posting, "getaddrinfo", resolve)
    return asked


@contextmanager
def answering(*parts, pause_s=0.0):
    """Take connections and send these parts, with a pause after each; the body of the request is not waited for."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    def talk(peer):
        with peer:
            for part in parts:
                try:
                    peer.sendall(part)
                except OSError:
                    return
                over.wait(pause_s)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        over.set()
        listener.close()


@pytest.mark.parametrize("address", OURS_OR_PRIVATE)
def test_no_address_of_this_machine_or_a_private_network_is_allowed(settings, address):
    settings.PADDOCK_NOTIFY_NETWORKS = []

    assert not is_allowed(address)


def test_public_addresses_are_allowed_and_private_ones_where_the_settings_name_them(settings):
    assert is_allowed("8.8.8.8")
    assert is_allowed("2001:4860:4860::8888")
    assert is_allowed("127.0.0.1")  # the network that these tests name
    assert not is_allowed("10.0.0.1")


def test_a_name_that_stands_for_this_machine_is_refused_and_nothing_is_sent(settings, monkeypatch):
    settings.PADDOCK_NOTIFY_NETWORKS = []
    resolving(monkeypatch, "127.0.0.1")

    with receiving() as receiver:
        outcome = carry(webhook(receiver.url.replace("127.0.0.1", "hook.example")), MESSAGE)

    assert receiver.received == []
    assert (outcome.is_sent, outcome.may_try_again) == (False, False)
    assert outcome.answer.startswith("not allowed: hook.example is 127.0.0.1: expected an address outside this machine")


def test_a_name_is_resolved_once_and_the_connection_goes_there(monkeypatch):
    with receiving() as receiver:
        asked = resolving(monkeypatch, "127.0.0.1", "10.0.0.1")
        outcome = carry(webhook(receiver.url.replace("127.0.0.1", "hook.example")), MESSAGE)

    (got,) = receiver.received
    assert outcome.is_sent
    assert asked == ["hook.example"]
    assert got.headers["Host"] == f"hook.example:{receiver.url.rpartition(':')[2]}"


def test_the_proxy_of_the_environment_is_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    with receiving() as receiver:
        assert carry(webhook(receiver.url), MESSAGE).is_sent

    assert len(receiver.received) == 1


def test_a_header_that_drips_for_ever_ends_at_the_deadline(monkeypatch):
    monkeypatch.setattr(posting, "DEADLINE_S", 0.5)
    began = time.monotonic()

    with answering(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 200, pause_s=0.1) as url:
        outcome = carry(webhook(url), MESSAGE)

    assert time.monotonic() - began < 5
    assert (outcome.may_try_again, outcome.answer.startswith("not reached: no answer within")) == (True, True)


def test_a_body_without_end_is_not_read_and_the_receivers_own_words_are_not_shown():
    began = time.monotonic()

    with answering(b"HTTP/1.1 200 <script>internal\r\n\r\n", *[b"x" * 1_000] * 1_000, pause_s=0.1) as url:
        outcome = carry(webhook(url), MESSAGE)

    assert (outcome.is_sent, outcome.answer) == (True, "200 OK")
    assert time.monotonic() - began < 5


@pytest.mark.django_db
def test_a_channel_at_an_address_of_this_machine_is_refused_when_it_is_saved(settings):
    settings.PADDOCK_NOTIFY_NETWORKS = []

    for host in ("169.254.169.254", "[::1]:8000", "127.0.0.1:6379"):
        with pytest.raises(ValidationError, match="expected a receiver outside this machine and private networks"):
            save_channel(webhook(f"http://{host}/x"), by="test")


def due(url, name, count=1):
    channel = Channel.objects.create(name=name, kind="webhook", target=url, secret="key")
    rule = Rule.objects.create(name=name, channel=channel, kind="fill")
    waits = {"rule": rule, "title": name, "state": DeliveryState.WAITING, "next_try_at": timezone.now()}
    return channel, [Delivery.objects.create(key=f"{number}", **waits).pk for number in range(count)]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_does_not_answer_is_tried_once_a_job_and_delays_no_other_channel(monkeypatch):
    monkeypatch.setattr(posting, "DEADLINE_S", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, receiving() as receiver:
        slow, waiting = due(f"http://127.0.0.1:{silent.getsockname()[1]}/", "slow", count=5)
        quick, _ = due(receiver.url, "quick", count=3)
        send_to_channel_job(slow.pk)
        send_to_channel_job(quick.pk)

    tries = Delivery.objects.filter(pk__in=waiting).order_by("pk").values_list("tries", flat=True)
    assert list(tries) == [1, 0, 0, 0, 0]
    assert len(receiver.received) == 3
    assert set(Delivery.objects.filter(rule__channel=quick).values_list("state", flat=True)) == {"sent"}


def test_what_is_sent_has_a_queue_and_a_process_of_its_own(settings, tmp_path):
    from tradingsite.launcher import programs

    command = list(programs.notify({"PADDOCK_DATA_DIR": str(tmp_path)}).command)
    assert settings.CELERY_TASK_ROUTES["notifications.send_to_channel"] == {"queue": "notifications"}
    assert command[command.index("--queues") + 1] == "notifications"
    assert int(command[command.index("--concurrency") + 1]) > 1
