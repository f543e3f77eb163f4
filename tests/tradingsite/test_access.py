import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from tradingsite.permissions import TradersChange
from tradingsite.roles import ROLES, give_role


class Anything(APIView):
    permission_classes = [TradersChange]

    def get(self, request):
        return Response("read")

    post = get


def answer(method, user=None):
    request = getattr(APIRequestFactory(), method)("/")
    if user is not None:
        force_authenticate(request, user)
    return Anything.as_view()(request).status_code


@pytest.fixture
def people(db):
    """One person of each role."""
    found = {role: User.objects.create_user(role) for role in ROLES}
    for role, user in found.items():
        give_role(user=user, role=role, by="test")
    return {role: User.objects.get(pk=user.pk) for role, user in found.items()}


def test_everyone_may_read_public_pages_and_only_traders_may_change(settings, people):
    settings.PADDOCK_PUBLIC_PAGES = True

    assert [answer("get"), *(answer("get", user) for user in people.values())] == [200] * 4
    assert [answer("post"), *(answer("post", user) for user in people.values())] == [401, 403, 200, 200]


def test_where_pages_are_not_public_reading_needs_a_login(settings, people):
    settings.PADDOCK_PUBLIC_PAGES = False

    assert (answer("get"), answer("get", people["viewer"])) == (401, 200)


@pytest.mark.parametrize("origin", ["http://evil.example", None])
@pytest.mark.django_db(transaction=True)
async def test_a_socket_opened_by_another_sites_page_is_refused(origin):
    from tradingsite.asgi import application

    headers = [(b"host", b"127.0.0.1:8000")] + ([(b"origin", origin.encode())] if origin else [])
    socket = WebsocketCommunicator(application, "/ws/league/", headers=headers)

    connected, _code = await socket.connect()

    assert not connected


@pytest.mark.django_db(transaction=True)
async def test_where_pages_are_not_public_a_socket_needs_a_login(settings):
    from tradingsite.asgi import application

    settings.PADDOCK_PUBLIC_PAGES = False
    headers = [(b"host", b"127.0.0.1:8000"), (b"origin", b"http://127.0.0.1:8000")]
    socket = WebsocketCommunicator(application, "/ws/league/", headers=headers)

    connected, code = await socket.connect()

    assert (connected, code) == (False, 4403)
