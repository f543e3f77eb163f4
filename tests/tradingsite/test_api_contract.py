"""The API does what its description says, whatever the request: requests are generated from the schema."""

from __future__ import annotations

import os

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tradingsite.access.roles import give_role
from tradingsite.access.tokens import make_token

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
site = get_wsgi_application()
EXAMPLES = int(os.environ.get("PADDOCK_API_EXAMPLES", "12"))
# Who may come in is tested endpoint by endpoint; that what is there can be read again, by the pages.
load_all_checks()
positive_data_acceptance = CHECKS.get_one("positive_data_acceptance")
LEFT_OUT = [check for check in CHECKS.get_all() if check.__name__ in {"ignored_auth", "ensure_resource_availability"}]


@pytest.fixture
def headers(league):
    user = User.objects.create_user("ada")
    give_role(user=user, role="admin", by="test")
    _, secret = make_token(
        user=User.objects.get(pk=user.pk), name="contract", scopes=["read", "trade", "admin"], by="test"
    )
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(autouse=True)
def _one_connection():
    # As Django's own test client does: the test's transaction lives in the connection.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def uncompressed(environ, start_response):
    """Answer as the site does, but without compressing: the test's client cannot undo it."""
    environ.pop("HTTP_ACCEPT_ENCODING", None)
    return site(environ, start_response)


def operations():
    """Return every operation of the description that the API gives of itself."""
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = uncompressed
    schema.config.generation.update(allow_x00=False)  # refused wherever there is text
    return [found.ok() for found in schema.get_all_operations()]


OPERATIONS = operations()
THERE = {"markets": "BTC-USD", "fee-schedules": "kraken-spot-2026-07"}
# What a description cannot say: these have a value only where it names what there is at the moment.
NAMES_WHAT_THERE_IS = {
    "GET /api/v1/candles/": "symbol",
    "GET /api/v1/coverage/": "symbol",
    "GET /api/v1/feed/": "symbol",
    "GET /api/v1/league/": "at: a moment of the season",
    "GET /api/v1/markets/{slug}/indicators/": "the parameters of the one that is named",
    "POST /api/v1/deployments/{slug}/cancel/": "order_id: that of an open order",
    "POST /api/v1/deployments/{slug}/close/": "symbol and qty: of an open position",
    "POST /api/v1/deployments/{slug}/clone/": "config: that of its strategy",
    "POST /api/v1/deployments/{slug}/challenger/": "another version must lie in the folder",
    "POST /api/v1/deployments/{slug}/switch/": "another version must lie in the folder",
    "POST /api/v1/fee-schedules/": "name: with a month; tiers: ascending from 0 on",
    "DELETE /api/v1/fee-schedules/{slug}/": "one that was added, and that no deployment was charged by",
    "GET /api/v1/notifications/deliveries/": "rule",
    "POST /api/v1/notifications/channels/": "target and secret: what the kind needs",
    "POST /api/v1/notifications/rules/": "channel, and what the kind needs",
    "POST /api/v1/seasons/begin/": "confirm: the number of the season that runs",
}


def left_out(case):
    """Return the checks that say nothing of this case."""
    is_given_by_server = case.operation.label in NAMES_WHAT_THERE_IS or "cursor" in (case.query or {})
    return [*LEFT_OUT, positive_data_acceptance] if is_given_by_server else LEFT_OUT


lenient = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
@lenient
@given(data=st.data())
def test_an_operation_keeps_to_its_description(operation, mode, headers, data):
    case = data.draw(operation.as_strategy(generation_mode=mode))

    case.call_and_validate(headers=headers, excluded_checks=left_out(case))


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if "{slug}" in o.path], ids=lambda o: o.label)
@lenient
@given(data=st.data())
def test_what_is_there_is_answered_for_as_described(operation, headers, data):
    case = data.draw(operation.as_strategy())
    collection = operation.path.split("/")[3]
    case.path_parameters |= {"slug": THERE.get(collection, "alpha")}

    case.call_and_validate(headers=headers, excluded_checks=left_out(case))
