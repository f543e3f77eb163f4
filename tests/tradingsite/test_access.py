import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
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


async def opened(*headers):
    """Return whether the stream lets in who shows these headers, and to whom it takes him for."""
    from tradingsite.access import readers_or_programs

    seen = []

    async def application(scope, receive, send):
        seen.append(str(scope["user"]))
        await send({"type": "websocket.accept"})
        await receive()

    shown = [(name.encode(), value.encode()) for name, value in headers]
    socket = WebsocketCommunicator(readers_or_programs(application), "/api/v1/stream", headers=shown)
    connected, _ = await socket.connect()
    return connected, *seen


HOME, ELSEWHERE = ("origin", "http://127.0.0.1:8000"), ("origin", "http://evil.example")


@pytest.mark.django_db(transaction=True)
async def test_the_stream_is_open_to_programs_by_token_and_to_pages_by_login(settings, client):
    ann = await get_user_model().objects.acreate_user("ann")
    gone = await get_user_model().objects.acreate_user("gone", is_active=False)
    token, old = [(await Token.objects.acreate(user=user)).key for user in (ann, gone)]
    await client.aforce_login(ann)
    cookie = ("cookie", f"sessionid={client.cookies['sessionid'].value}")
    settings.PADDOCK_PUBLIC_PAGES = False

    answers = {
        "token": await opened(("authorization", f"Bearer {token}")),
        "token, elsewhere": await opened(("authorization", f"Bearer {token}"), ELSEWHERE),
        "of one who is gone": await opened(("authorization", f"Bearer {old}")),
        "unknown": await opened(("authorization", "Bearer nonsense")),
        "unknown, with a login": await opened(("authorization", "Bearer nonsense"), HOME, cookie),
        "another kind": await opened(("authorization", f"Basic {token}")),
        "login": await opened(HOME, cookie),
        "login, elsewhere": await opened(ELSEWHERE, cookie),
        "login, without a page": await opened(cookie),
        "nothing": await opened(HOME),
    }

    let_in = {name: seen for name, (connected, *seen) in answers.items() if connected}
    assert let_in == {"token": ["ann"], "token, elsewhere": ["ann"], "login": ["ann"]}


@pytest.mark.django_db(transaction=True)
async def test_where_pages_are_public_a_program_without_a_token_is_nobody(settings, client):
    settings.PADDOCK_PUBLIC_PAGES = True
    ann = await get_user_model().objects.acreate_user("ann")
    await client.aforce_login(ann)

    assert await opened(("cookie", f"sessionid={client.cookies['sessionid'].value}")) == (True, "AnonymousUser")
    assert (await opened(("authorization", "Bearer nonsense")))[0] is False
    assert (await opened(ELSEWHERE))[0] is False
