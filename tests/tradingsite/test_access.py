import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from tradingsite.permissions import StaffOrReadOnly


class Anything(APIView):
    permission_classes = [StaffOrReadOnly]

    def get(self, request):
        from rest_framework.response import Response

        return Response("read")

    post = get


def answer(method, *, staff=None):
    request = getattr(APIRequestFactory(), method)("/")
    if staff is not None:
        force_authenticate(request, get_user_model()(username="ann", is_staff=staff))
    return Anything.as_view()(request).status_code


@pytest.mark.parametrize(
    ("method", "staff", "status"),
    [
        ("get", None, 200),
        ("get", False, 200),
        ("post", None, 403),
        ("post", False, 403),
        ("post", True, 200),
    ],
)
def test_everyone_may_read_public_pages_and_only_staff_may_change(settings, method, staff, status):
    settings.PADDOCK_PUBLIC_PAGES = True

    assert answer(method, staff=staff) == status


@pytest.mark.parametrize(("staff", "status"), [(None, 403), (False, 200)])
def test_where_pages_are_not_public_reading_needs_a_login(settings, staff, status):
    settings.PADDOCK_PUBLIC_PAGES = False

    assert answer("get", staff=staff) == status


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
