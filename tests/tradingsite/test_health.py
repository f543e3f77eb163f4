import time

import pytest
from django.utils import timezone

from marketdata import bus
from strategies.models import Worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_feed():
    bus.clear_feed_state()
    yield
    bus.clear_feed_state()


def a_feed_that_published(*, age_s):
    bus.write_feed_state({"source": "simulated", "last_published_at_s": time.time() - age_s})


def a_worker_alive():
    now = timezone.now()
    Worker.objects.create(name="worker-1", started_at=now, heartbeat_at=now)


def details(response):
    return {name: check["detail"] for name, check in response.json()["checks"].items()}


def test_the_process_says_it_is_up_whatever_else_is_down(client):
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_without_feed_and_workers_it_is_not_ready_and_says_what_is_missing(client):
    response = client.get("/readyz")

    assert response.status_code == 503
    assert details(response) == {
        "database": "answers",
        "redis": "answers",
        "feed": "NotReady: no feed has published yet",
        "workers": "NotReady: no worker is alive: expected at least one `manage.py run_worker`",
    }


def test_a_feed_that_fell_silent_makes_it_unready(client):
    a_worker_alive()
    a_feed_that_published(age_s=42)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert details(response)["feed"].startswith("NotReady: the last frame is 42.")


def test_a_recording_that_was_played_to_its_end_owes_no_more_frames(client):
    a_worker_alive()
    bus.write_feed_state({"source": "recording:day", "last_published_at_s": time.time() - 600, "finished": True})

    response = client.get("/readyz")

    assert response.status_code == 200
    assert details(response)["feed"] == "recording:day, played to its end"


def test_with_frames_flowing_to_a_live_worker_it_is_ready(client):
    a_worker_alive()
    a_feed_that_published(age_s=0)

    response = client.get("/readyz")

    assert response.status_code == 200, response.content
    assert response.json()["status"] == "ready"


def test_pages_and_api_forbid_browsers_to_load_anything_from_elsewhere(client):
    for address in ("/", "/api/docs/", "/admin/login/"):
        response = client.get(address)

        assert response.status_code == 200, address
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert b"https://cdn" not in response.content


def test_a_named_pair_without_data_makes_it_unready_and_is_named(client):
    a_worker_alive()
    without = {"NOPE/USD": "the exchange lists no such pair; nearest: DOGE/USD"}
    bus.write_feed_state({"source": "kraken", "last_published_at_s": time.time(), "without_data": without})

    response = client.get("/readyz")

    assert response.status_code == 503
    assert details(response)["feed"] == (
        "NotReady: no data of NOPE/USD: the exchange lists no such pair; nearest: DOGE/USD"
    )


def test_a_worker_far_behind_the_market_makes_it_unready_and_is_named_with_its_lag(client):
    a_worker_alive()
    Worker.objects.update(lag_ms=99_400, shed=2)
    a_feed_that_published(age_s=0)

    response = client.get("/readyz")

    assert response.status_code == 503
    sentence = "worker-1 is 99.4 s behind the market: shadows are off; equity points once a minute"
    assert sentence in details(response)["workers"]


def test_a_worker_a_little_behind_is_named_and_all_is_ready(client):
    a_worker_alive()
    Worker.objects.update(lag_ms=3_100)
    a_feed_that_published(age_s=0)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert details(response)["workers"] == "1 alive; worker-1 is 3.1 s behind the market"
