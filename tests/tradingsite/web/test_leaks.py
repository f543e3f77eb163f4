"""Whatever is requested, and whenever its readers leave: afterwards the pages are as they were."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from django.db import connection

from tests.processes import environment, wait_until
from tests.serving import Site
from tests.tradingsite.web.conftest import CONNECTIONS, LIMIT_S

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TWICE = 2 * CONNECTIONS


def at_once(site: Site, path: str, times: int = TWICE) -> list[httpx.Response]:
    """Return the answers to requests that are sent at the same time."""
    with ThreadPoolExecutor(times) as readers:
        return list(readers.map(lambda _: httpx.get(site.url + path, timeout=60), range(times)))


def assert_well(site: Site) -> None:
    """Wait until more pages than there are connections are answered, all at once."""
    wait_until(lambda: {answer.status_code for answer in at_once(site, "/")} == {200}, "all pages", site.log)


@pytest.fixture
def stalled():
    """Hold up whoever reads the seasons, as every page does."""
    with psycopg.connect(environment()["DATABASE_URL"]) as stall:
        stall.execute("LOCK TABLE portfolios_season IN ACCESS EXCLUSIVE MODE")
        yield stall
        stall.rollback()


def requested(site: Site, path: str) -> socket.socket:
    """Send a request; the answer is never read."""
    reader = socket.create_connection(("127.0.0.1", site.port))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return reader


def statements_held_up() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        count: int = cursor.fetchone()[0]
        return count


ADDRESSES_OF_NOTHING = ["/nowhere/", "/deployments/nobody/", "/markets/NOTHING/", "/fills/1/", "/api/v1/nowhere/"]


@pytest.mark.parametrize("path", ADDRESSES_OF_NOTHING)
def test_pages_are_answered_after_any_number_of_errors(site, path):
    answers = [answer.status_code for _ in range(5) for answer in at_once(site, path)]

    assert answers == [404] * 5 * TWICE
    assert_well(site)


def test_pages_are_answered_after_their_readers_left_during_a_stall(site, stalled):
    readers = [requested(site, "/feed/") for _ in range(TWICE)]
    wait_until(lambda: statements_held_up() == CONNECTIONS, "pages that wait", site.log)
    for reader in readers:
        reader.close()
    wait_until(lambda: not statements_held_up(), "nothing is read for those who left", site.log)
    stalled.rollback()

    assert_well(site)


def test_a_page_that_takes_too_long_is_answered_with_a_503_and_is_in_nobodys_way(site, stalled):
    answers = at_once(site, "/feed/")

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["Retry-After"] for answer in answers} == {"5"}
    assert f"within {LIMIT_S} s" in answers[0].text
    wait_until(lambda: not statements_held_up(), "nothing waits for the lock", site.log)
    stalled.rollback()
    assert_well(site)
