"""Each endpoint of the API and each kind of caller: who may come in, and what the others lack."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from drf_spectacular.generators import SchemaGenerator
from rest_framework.throttling import SimpleRateThrottle

from marketdata import bus
from tests.listening import forget_all, list_pair, store
from tests.rows import enter, fill, open_season, run_feed, stand
from tradingsite.access.roles import ROLES, give_role
from tradingsite.access.tokens import make_share_link, make_token
from tradingsite.models import Scope

pytestmark = pytest.mark.django_db
IN, UNKNOWN, FORBIDDEN = "in", 401, 403
# What an endpoint needs: to read, to trade, or to run the place: the audit log, notifications, seasons, fees.
BY_METHOD = {"get": "read", "post": "trade", "put": "trade", "patch": "trade", "delete": "trade"}
DEPLOYMENTS = "/api/v1/deployments/"  # what a trader's program changes
FOR_TRADERS_ALONE = ("/api/v1/audit/", "/api/v1/notifications/")  # even to be read
EXPECTED = {
    # caller: (read on public pages, read on others, trade, run the place)
    "nobody": (IN, UNKNOWN, UNKNOWN, UNKNOWN),
    "guest of a link": (IN, IN, UNKNOWN, UNKNOWN),
    "viewer": (IN, IN, FORBIDDEN, FORBIDDEN),
    "trader": (IN, IN, IN, IN),
    "admin": (IN, IN, IN, IN),
    "viewer's token for all": (IN, IN, FORBIDDEN, FORBIDDEN),
    "trader's token to read": (IN, IN, FORBIDDEN, FORBIDDEN),
    "trader's token to trade": (FORBIDDEN, FORBIDDEN, IN, FORBIDDEN),
    "trader's token to run the place": (FORBIDDEN, FORBIDDEN, FORBIDDEN, IN),
    "admin's token to read": (IN, IN, FORBIDDEN, FORBIDDEN),
    "admin's token for all": (IN, IN, IN, IN),
    "unknown token": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}


def endpoints():
    """Return the operations that the API describes of itself, each with what it needs."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    found = [(method, path) for path, methods in paths.items() for method in methods if method in BY_METHOD]
    return [(method, path, need_of(method, path)) for method, path in found]


def need_of(method, path):
    if path.startswith(FOR_TRADERS_ALONE) or (method != "get" and not path.startswith(DEPLOYMENTS)):
        return "run the place"
    return BY_METHOD[method]


@pytest.fixture
def league(monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anonymous": None, "user": None, "change": None})
    forget_all()
    run_feed()
    list_pair()
    store([64_000] * 20)
    deployment = enter(open_season(), "alpha")
    stand(deployment, "103", fills=1)
    yield {"slug": "alpha", "number": 1, "id": fill(deployment).pk}
    bus.redis_client().flushall()


@pytest.fixture
def callers(client, league):
    """Return how each kind of caller sends: who is logged in, and what is sent along."""
    people = {role: User.objects.create_user(role) for role in ROLES}
    for role, user in people.items():
        give_role(user=user, role=role, by="test")
    people = {role: User.objects.get(pk=user.pk) for role, user in people.items()}

    def token(role, *scopes):
        _, secret = make_token(user=people[role], name="-".join(scopes), scopes=scopes, by="test")
        return None, {"Authorization": f"Bearer {secret}"}

    return {
        "nobody": (None, {}),
        "guest of a link": (make_share_link(by="test", days=1)[1], {}),
        **{role: (person, {}) for role, person in people.items()},
        "viewer's token for all": token("viewer", *Scope.values),
        "trader's token to read": token("trader", Scope.READ),
        "trader's token to trade": token("trader", Scope.TRADE),
        "trader's token to run the place": token("trader", Scope.ADMIN),
        "admin's token to read": token("admin", Scope.READ),
        "admin's token for all": token("admin", *Scope.values),
        "unknown token": (None, {"Authorization": "Bearer pdk_nothing"}),
    }


def come_in(client, who):
    client.logout()
    if isinstance(who, str):
        client.get(f"/share/{who}/")
    elif who is not None:
        client.force_login(who)


def outcome(client, method, path, headers, league):
    for name, value in league.items():
        value = "BTC-USD" if name == "slug" and "markets" in path else value
        path = path.replace("{" + name + "}", str(value))
    answer = getattr(client, method)(path, headers=headers, content_type="application/json")
    assert answer.status_code < 500
    if answer.status_code in (401, 403):
        assert answer.headers["Content-Type"] == "application/problem+json"
        return answer.status_code
    return IN


@pytest.mark.parametrize("caller", list(EXPECTED))
@pytest.mark.parametrize("is_public", [True, False], ids=["public pages", "pages behind a login"])
def test_every_endpoint_lets_in_the_right_callers(client, settings, league, callers, caller, is_public):
    settings.PADDOCK_PUBLIC_PAGES = is_public
    public, private, trade, run = EXPECTED[caller]
    expected = {"read": public if is_public else private, "trade": trade, "run the place": run}
    who, headers = callers[caller]
    come_in(client, who)

    wrong = [
        (method, path, found)
        for method, path, need in endpoints()
        if (found := outcome(client, method, path, headers, league)) != expected[need]
    ]

    assert wrong == []


def test_every_endpoint_is_asked():
    found = endpoints()

    assert len(found) >= 43
    assert {need for _, _, need in found} == {"read", "trade", "run the place"}
