"""Whatever is requested of whichever address is answered, and no answer is a fault of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin as site_admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tradingsite.access.roles import give_role

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NUMBER = "9" * 30
FORMATS = ("json", "csv", "xml", "api", "problem")
VALUES = ("a\0b", NUMBER, "9" * 5_000, "NaN", "0001-01-01T00:00:00+14:00")
LIST_PARAMETERS = ("q", "p", "o", "_changelist_filters", "_to_field", "id__exact", "id__gt", "nope__x")
DATE_PARTS = ("year", "month", "day", "gte")
PAGE_PARAMETERS = ("window", "at", "with", "kind", "timeframe", "by", "page", "strategy", "clone")
BODIES = {
    "nothing": b"",
    "a null byte": b"\0",
    "no JSON": b"\xff\xfe{",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "deep, but whole": b"[" * 500 + b"]" * 500,
    "a huge number": b'{"name":' + b"9" * 5_000 + b"}",
    "more than any float": b'{"name":1e400}',
    "no number": b'{"name":NaN}',
    "a null character": b'{"name":"\\u0000","config":{"a":"\\u0000"}}',
    "half a character": b'{"kind":"\\ud800","liquidity":"\\ud800","fill_model":"\\ud800","\\ud800":1}',
    "a list": b"[[]]",
    "a text": b'"x"',
}


@pytest.fixture
def admin(league) -> Client:
    user = User.objects.create_user("ada")
    give_role(user=user, role="admin", by="test")
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=user.pk))
    return client


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield every address as the router has it, but the one that would log out."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern) and pattern.name != "logout":
            yield prefix + str(pattern.pattern)


def addresses(name: str) -> list[str]:
    """Return every address, with ``name`` wherever it needs one."""
    plain = (re.sub(r"\(\?P<\w+>[^)]*\)", "<x>", route).strip("^$") for route in routes())
    return sorted({"/" + re.sub(r"<[^>]*>", name, route).replace("\\Z", "") for route in plain})


def faults(client: Client, *requests: tuple[str, str, bytes]) -> list[str]:
    """Make the requests; return those whose answer is a fault of ours. Without feed and workers we are not ready."""
    found = []
    for method, address, body in requests:
        answer = client.generic(method, address, data=body, content_type="application/json")
        if getattr(answer, "streaming", False):
            b"".join(answer.streaming_content)
        if answer.status_code >= 500 and not address.startswith("/readyz"):
            found.append(f"{method} {address[:200]} {body[:30]!r} {answer.status_code}")
    return found


@pytest.mark.parametrize("name", ["alpha", "BTC-USD"])
def test_every_address_answers_in_every_format(admin, name):
    api = [address for address in addresses(name) if address.startswith(("/api/", "/metrics"))]
    asked = [("GET", f"{address}?format={form}", b"") for address, form in product(api, FORMATS)]

    assert faults(admin, *asked) == []


@pytest.mark.parametrize("name", ["1", NUMBER, "a%00"])
def test_no_name_in_an_address_is_too_odd(admin, name):
    asked = [(method, address, b"") for method, address in product(("GET", "OPTIONS"), addresses(name))]

    assert faults(admin, *asked) == []


@pytest.mark.parametrize("model", site_admin.site._registry, ids=lambda model: model._meta.label_lower)
def test_no_filter_of_a_list_in_the_admin_is_too_odd(admin, model):
    shown, meta = site_admin.site._registry[model], model._meta
    parameters = [*LIST_PARAMETERS, *(f"{name}__exact" for name in shown.list_filter if isinstance(name, str))]
    if shown.date_hierarchy:
        parameters += [f"{shown.date_hierarchy}__{part}" for part in DATE_PARTS]
    address = f"/admin/{meta.app_label}/{meta.model_name}/"

    asked = [("GET", f"{address}?{parameter}={quote(value)}", b"") for parameter, value in product(parameters, VALUES)]

    assert faults(admin, *asked) == []


@pytest.mark.parametrize("address", ["/", "/feed/", "/compare/", "/audit/", "/admin/strategies/deployment/add/"])
def test_no_choice_on_a_page_is_too_odd(admin, address):
    asked = [("GET", f"{address}?{name}={quote(value)}", b"") for name, value in product(PAGE_PARAMETERS, VALUES)]

    assert faults(admin, *asked) == []


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_body_is_too_odd(admin, body):
    api = [address for address in addresses("alpha") if address.startswith("/api/v1/")]
    asked = [(method, address, body) for method, address in product(("POST", "PATCH"), api)]

    assert faults(admin, *asked) == []


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5_000, "NaN", '"\\u0000"', '{"a":"\\ud800"}', "\0"])
def test_no_value_in_a_form_is_too_odd(admin, value):
    names = (
        "name",
        "slug",
        "strategy",
        "config",
        "symbols",
        "risk",
        "margin",
        "tiers",
        "deployments",
        "kind",
        "target",
    )
    forms = ["strategies/deployment", "portfolios/feeschedule", "notifications/rule", "notifications/channel"]
    filled = dict.fromkeys((*names, "number", "username", "password", "starting_balance"), value)

    answers = [admin.post(f"/admin/{form}/add/?strategy=buy_and_hold", filled) for form in forms]
    answers += [
        admin.post("/admin/login/", filled),
        Client(raise_request_exception=False).post("/admin/login/", filled),
    ]

    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def test_a_body_that_cannot_be_stored_is_refused_with_what_is_wrong(admin):
    def detail(body: bytes) -> str:
        answer = admin.post("/api/v1/fee-schedules/", body, content_type="application/json")
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
        said: str = json.loads(answer.content)["detail"]
        return said

    assert detail(BODIES["deep lists"]) == "the body is nested too deeply; expected at most 32 levels"
    assert detail(BODIES["deep, but whole"]) == "the body is nested too deeply; expected at most 32 levels"
    assert "number that is too large" in detail(BODIES["more than any float"])
    assert r"the text '\x00', which cannot be stored" in detail(BODIES["a null character"])
