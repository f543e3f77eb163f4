"""Sockets that are open when the right to hold them ends: closed at once, and only by those whom it concerns."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboard.sockets import local_socket
from tradingsite.access import hashing, policy
from tradingsite.access.policy import is_own_origin
from tradingsite.access.tokens import make_token

HOST = (b"host", b"127.0.0.1:8000")
PASSWORD = "correct horse 42"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    monkeypatch.setattr(hashing.TwoAtATime, "iterations", 10)


def page_socket(client, address="/ws/system/", origin=b"http://127.0.0.1:8000"):
    from tradingsite.asgi import application

    cookie = f"sessionid={client.cookies['sessionid'].value}".encode() if "sessionid" in client.cookies else b""
    headers = [HOST, (b"origin", origin), (b"cookie", cookie)]
    return local_socket(application, address, headers=headers)


async def opened(socket):
    connected, _ = await socket.connect(timeout=10)
    assert connected
    return socket


async def closing_of(socket):
    while (message := await socket.receive_output(timeout=10))["type"] == "websocket.send":
        pass
    return message["type"], message.get("code")


def logged_in(name):
    client = Client()
    client.post("/login/", {"username": name, "password": PASSWORD})
    return client


def log_out(client, user, admin):
    client.post("/logout/")


def deactivate(client, user, admin):
    admin.post(f"/admin/auth/user/{user.pk}/change/", {"username": user.username})
    assert not User.objects.get(pk=user.pk).is_active


def change_password(client, user, admin):
    fields = {"old_password": PASSWORD, "new_password1": "another horse 43", "new_password2": "another horse 43"}
    assert Client.post(logged_in(user.username), "/account/password/", fields).status_code == 302


def have_the_password_changed(client, user, admin):
    fields = {"password1": "another horse 43", "password2": "another horse 43", "usable_password": "true"}
    assert admin.post(f"/admin/auth/user/{user.pk}/password/", fields).status_code == 302


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("end", "is_public"),
    [
        (log_out, True),
        (log_out, False),
        (deactivate, False),
        (change_password, False),
        (have_the_password_changed, False),
    ],
)
async def test_a_socket_ends_with_the_login_that_opened_it(settings, monkeypatch, admin_client, end, is_public):
    monkeypatch.setattr(policy, "ASKED_AGAIN_S", 600.0)  # by the message alone
    settings.PADDOCK_PUBLIC_PAGES = is_public
    user = await sync_to_async(User.objects.create_user)("ann", password=PASSWORD)
    other = await sync_to_async(User.objects.create_user)("bob", password=PASSWORD)
    client, untouched = await sync_to_async(logged_in)("ann"), await sync_to_async(logged_in)("bob")
    socket, others = await opened(page_socket(client)), await opened(page_socket(untouched))

    await sync_to_async(end)(client, user, admin_client)

    assert await closing_of(socket) == ("websocket.close", 4401)
    assert await others.receive_from(timeout=10)
    await others.disconnect()
    assert other.is_active


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_a_socket_whose_message_was_lost_ends_with_the_next_look(settings, monkeypatch):
    monkeypatch.setattr(policy, "ASKED_AGAIN_S", 0.05)
    settings.PADDOCK_PUBLIC_PAGES = False
    await sync_to_async(User.objects.create_user)("ann", password=PASSWORD)
    socket = await opened(page_socket(await sync_to_async(logged_in)("ann")))

    await User.objects.aupdate(is_active=False)

    assert await closing_of(socket) == ("websocket.close", 4401)


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_a_program_is_disconnected_when_its_user_is_deactivated(settings, monkeypatch, admin_client):
    from tradingsite.asgi import application

    monkeypatch.setattr(policy, "ASKED_AGAIN_S", 600.0)
    settings.PADDOCK_PUBLIC_PAGES = False
    user = await sync_to_async(User.objects.create_user)("ann")
    _, secret = await sync_to_async(make_token)(user=user, name="robot", scopes=["read"], by="test")
    headers = [HOST, (b"authorization", f"Bearer {secret}".encode())]
    socket = await opened(local_socket(application, "/api/v1/stream", headers=headers))

    await sync_to_async(deactivate)(None, user, admin_client)

    assert await closing_of(socket) == ("websocket.close", 4403)


@pytest.mark.parametrize(
    ("origin", "host", "is_ours"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://127.0.0.1:9999", "127.0.0.1:8000", False),  # another program on this machine
        ("http://127.0.0.1", "127.0.0.1:8000", False),
        ("http://localhost:8000", "127.0.0.1:8000", False),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://paddock.example", "paddock.example", True),
        ("https://paddock.example:443", "paddock.example", True),
        ("https://paddock.example", "127.0.0.1:8000", True),  # a proxy that writes another Host: PADDOCK_URL names it
        ("https://paddock.example:8443", "paddock.example", False),
        ("http://evil.example", "evil.example", False),  # a name that was made to point here
        ("null", "127.0.0.1:8000", False),
        ("", "127.0.0.1:8000", False),
        ("http://127.0.0.1:port", "127.0.0.1:8000", False),
    ],
)
def test_a_sockets_origin_is_compared_with_its_port(settings, origin, host, is_ours):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "localhost", "paddock.example"]
    settings.PADDOCK_URL = "https://paddock.example"

    assert is_own_origin(origin, host) is is_ours


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_a_page_of_another_port_opens_no_socket():
    connected, code = await page_socket(Client(), origin=b"http://127.0.0.1:9999").connect(timeout=10)

    assert (connected, code) == (False, 4403)
