"""What a proxy in the environment is for: places elsewhere, and never this machine."""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing

import httpx
import pytest

from marketdata.kraken.client import KrakenClient
from marketdata.kraken.rest import KrakenRest, Pace, RestUnavailable
from marketdata.proxies import InvalidProxy, proxy_for
from marketdata.simulation.rest_server import serve_rest
from marketdata.simulation.server import serve_simulation
from marketdata.sources import kraken_answers

NOBODY = "http://127.0.0.1:9"
KRAKEN = "wss://ws.kraken.com/v2"


@pytest.fixture
def _proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:1",
        "http://localhost:8000/x",
        "https://[::1]/",
        "ws://127.9.9.9",
        "http://a.localhost",
        "ws://0.0.0.0",
    ],
)
@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_this_machine_is_reached_directly_whatever_the_environment_says(url: str, name: str) -> None:
    assert proxy_for(url, {name: NOBODY}) is None


@pytest.mark.parametrize(
    ("environ", "url", "proxy", "variable"),
    [
        ({"https_proxy": "http://p:1"}, KRAKEN, "http://p:1", "https_proxy"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.kraken.com", "http://p:1", "HTTPS_PROXY"),
        ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, KRAKEN, "http://p:1", "https_proxy"),
        ({"all_proxy": "p:1"}, KRAKEN, "http://p:1", "all_proxy"),
        ({"http_proxy": "http://p:1"}, "ws://exchange:80", "http://p:1", "http_proxy"),
    ],
)
def test_other_places_are_reached_through_the_proxy_that_is_named(
    environ: dict[str, str], url: str, proxy: str, variable: str
) -> None:
    assert proxy_for(url, environ) == (proxy, variable)


def test_a_proxy_for_one_scheme_is_none_for_the_other() -> None:
    assert proxy_for(KRAKEN, {"http_proxy": "http://p:1"}) is None


@pytest.mark.parametrize(
    "excepted",
    ["kraken.com", ".kraken.com", "*.kraken.com", "a,ws.kraken.com", "b ws.kraken.com:443", "*", "KRAKEN.COM"],
)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_what_no_proxy_lists_is_reached_directly(excepted: str, name: str) -> None:
    assert proxy_for(KRAKEN, {"https_proxy": "http://p:1", name: excepted}) is None


@pytest.mark.parametrize("excepted", ["", "kraken.co", "en.com", "ws.kraken.com:80", "10.0.0.0/8"])
def test_what_no_proxy_does_not_list_is_not(excepted: str) -> None:
    assert proxy_for(KRAKEN, {"https_proxy": "http://p:1", "no_proxy": excepted}) is not None


def test_no_proxy_may_list_networks() -> None:
    assert proxy_for("http://10.1.2.3", {"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}) is None


@pytest.mark.parametrize("value", ["socks5://me:secret@p:1", "http://", "http://p:port"])
def test_a_variable_that_names_no_usable_proxy_is_named_without_its_password(value: str) -> None:
    with pytest.raises(InvalidProxy, match=r"https_proxy is .*expected a proxy like") as refused:
        proxy_for(KRAKEN, {"https_proxy": value})
    assert "secret" not in str(refused.value)


@pytest.mark.usefixtures("_proxied")
async def test_the_simulated_exchange_is_received_whatever_proxy_is_set() -> None:
    async with serve_simulation(1) as url, serve_rest(1) as rest_url:
        with closing(KrakenRest(rest_url, pace=Pace(0.0))) as rest:
            status = await asyncio.to_thread(rest.system_status)
        answers = await asyncio.to_thread(kraken_answers, url, timeout_s=5)

    assert (status.status, answers) == ("online", True)


class Connecting:
    """A listener that gives up after its first try."""

    reconnect_reason = ""

    def __init__(self) -> None:
        self.tries = 0

    async def may_connect(self) -> None:
        self.tries += 1
        if self.tries > 1:
            raise asyncio.CancelledError


@pytest.mark.usefixtures("_proxied")
async def test_a_proxy_that_does_not_answer_is_named_in_the_error_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "feed")
    client = KrakenClient("ws://exchange.test:1/v2", Connecting(), first_wait_s=0.01)  # type: ignore[arg-type]  # enough of it

    with pytest.raises(asyncio.CancelledError):
        await client.run()

    said = [record.getMessage() for record in caplog.records]
    assert said[0] == f"ws://exchange.test:1/v2 is reached through the proxy {NOBODY} (http_proxy)"
    assert f"through the proxy {NOBODY} (http_proxy)), again in" in said[1]


@pytest.mark.usefixtures("_proxied")
def test_rest_names_the_proxy_that_it_could_not_reach() -> None:
    rest = KrakenRest("http://exchange.test", pace=Pace(0.0, sleep=lambda _: None))

    with closing(rest), pytest.raises(RestUnavailable, match=rf"through the proxy {NOBODY} \(http_proxy\)"):
        rest.system_status()


@pytest.mark.usefixtures("_proxied")
def test_the_client_library_reaches_a_server_on_this_machine_directly() -> None:
    from paddock_client.server import Server

    server = Server(httpx.URL("http://127.0.0.1:8000/"), {}, timeout_s=1)

    assert not server._http._mounts
