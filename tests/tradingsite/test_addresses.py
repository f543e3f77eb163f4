"""Who sent a request, and whether the pages are open to whoever it was."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import AsyncRequestFactory, RequestFactory

from tests.processes import free_port
from tradingsite.senders.addresses import FORWARDED, client_address, is_direct, is_open_to_all


@pytest.mark.parametrize(
    ("server", "client", "headers", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", [], True),
        ("::1", "::1", [], True),
        ("192.168.1.5", "192.168.1.9", [], False),  # daphne -b 0.0.0.0, whatever PADDOCK_BIND says
        ("127.0.0.1", "192.168.1.9", [], False),
        (None, None, [], False),  # a socket file: a proxy is in front of it
        ("/run/paddock.sock", "", [], False),
        ("127.0.0.1", "", [], False),
        *(("127.0.0.1", "127.0.0.1", [name.lower()], False) for name in FORWARDED),
    ],
)
def test_only_a_request_of_this_machine_through_no_proxy_is_direct(server, client, headers, expected):
    assert is_direct(server, client, headers) is expected


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/api/v1/league/", "/metrics", "/audit/", "/docs/fills/"])
def test_pages_are_public_to_this_machine_and_not_through_a_proxy(client, settings, path):
    settings.PADDOCK_PUBLIC_PAGES = True

    directly = client.get(path).status_code
    through_a_proxy = client.get(path, headers={"X-Forwarded-For": "127.0.0.1"}).status_code
    from_elsewhere = client.get(path, REMOTE_ADDR="192.168.1.9").status_code

    assert directly in ({302} if path == "/audit/" else {200})
    assert (through_a_proxy, from_elsewhere) in {(302, 302), (401, 401)}


def test_who_says_anywhere_has_public_pages_anywhere(settings):
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "8.8.8.8"}, REMOTE_ADDR="192.168.1.9")

    assert not is_open_to_all(request)
    settings.PADDOCK_PUBLIC_ANYWHERE = True
    assert is_open_to_all(request)


def test_a_socket_is_looked_at_as_a_page_is(settings):
    settings.PADDOCK_PUBLIC_PAGES = True
    scope = {"server": ["127.0.0.1", 8000], "client": ["127.0.0.1", 4000], "headers": []}

    assert is_open_to_all(scope)
    assert not is_open_to_all({**scope, "server": ["10.0.0.1", 8000]})
    assert not is_open_to_all({**scope, "headers": [(b"x-forwarded-for", b"1.2.3.4")]})
    assert not is_open_to_all({**scope, "server": None, "client": None})
    assert not is_open_to_all({"headers": []})


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("8.8.8.8", "1.2.3.4", "8.8.8.8"),  # anyone can write the header
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # what the client wrote itself comes first
        ("10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_address_of_a_client_is_what_the_last_named_proxy_says(settings, remote, forwarded, expected):
    settings.PADDOCK_PROXIES = [ip_network("10.0.0.0/24")]

    assert client_address({"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}) == expected


@pytest.mark.django_db
def test_https_is_believed_of_a_named_proxy_alone(client, settings):
    settings.PADDOCK_PROXIES = [ip_network("10.0.0.0/24")]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    said = {"headers": {"X-Forwarded-Proto": "https"}}

    assert client.get("/login/", REMOTE_ADDR="10.0.0.7", **said).status_code == 200
    assert client.get("/login/", REMOTE_ADDR="192.168.1.9", **said).status_code == 301


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_server_that_was_started_on_every_address_by_hand_shows_no_page_to_others(tmp_path):
    """PADDOCK_BIND is what somebody says; where daphne listens is what counts."""
    import socket

    import httpx

    from tests.processes import running, wait_until

    ours = socket.gethostbyname(socket.gethostname())
    if ours.startswith("127."):
        ours = ""
    port = free_port()
    command = ("-m", "daphne", "-v", "0", "-b", "0.0.0.0", "-p", str(port), "tradingsite.asgi:application")
    with running(*command, log=tmp_path / "log"):

        def answers():
            try:
                return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
            except httpx.TransportError:
                return False

        wait_until(answers, "daphne", tmp_path / "log")
        here = httpx.get(f"http://127.0.0.1:{port}/docs/fills/", trust_env=False).status_code
        proxied = httpx.get(
            f"http://127.0.0.1:{port}/docs/fills/", headers={"Via": "1.1 proxy"}, trust_env=False
        ).status_code
        host = {"Host": f"127.0.0.1:{port}"}
        outside = httpx.get(f"http://{ours}:{port}/docs/fills/", headers=host, trust_env=False) if ours else None

    assert (here, proxied) == (200, 302)
    assert outside is None or outside.status_code == 302


def test_an_asynchronous_request_is_looked_at_by_its_connection(settings):
    settings.PADDOCK_PUBLIC_PAGES = True

    assert is_open_to_all(AsyncRequestFactory().get("/"))
