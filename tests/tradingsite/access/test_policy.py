import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from tests.dashboard.sockets import local_socket
from tradingsite.access import policy
from tradingsite.access.permissions import TradersChange
from tradingsite.access.roles import ROLES, give_role
from tradingsite.access.tokens import make_share_link, make_token, revoke


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
    socket = local_socket(application, "/ws/league/", headers=headers)

    connected, _code = await socket.connect()

    assert not connected


@pytest.mark.django_db(transaction=True)
async def test_where_pages_are_not_public_a_socket_needs_a_login(settings):
    from tradingsite.asgi import application

    settings.PADDOCK_PUBLIC_PAGES = False
    headers = [(b"host", b"127.0.0.1:8000"), (b"origin", b"http://127.0.0.1:8000")]
    socket = local_socket(application, "/ws/league/", headers=headers)

    connected, code = await socket.connect()

    assert (connected, code) == (False, 4403)


def stream(*headers):
    """Return a socket of the stream that shows these headers."""
    from tradingsite.asgi import application

    shown = [(name.encode(), value.encode()) for name, value in headers]
    return local_socket(application, "/api/v1/stream", headers=shown)


async def lets_in(*headers):
    socket = stream(*headers)
    connected, _ = await socket.connect()
    await socket.disconnect()
    return connected


async def closing_of(socket):
    """Return what ends a socket; messages before it are ignored."""
    while (message := await socket.receive_output(timeout=5))["type"] == "websocket.send":
        pass
    return message["type"], message.get("code")


@sync_to_async
def token_of(user, *scopes):
    token, secret = make_token(user=user, name="-".join(scopes), scopes=scopes, by="test")
    return token, ("authorization", f"Bearer {secret}")


HOME, ELSEWHERE = ("origin", "http://127.0.0.1:8000"), ("origin", "http://evil.example")
NONSENSE = ("authorization", "Bearer nonsense")


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_the_stream_is_open_to_programs_by_token_and_to_pages_by_login(settings, client):
    ann = await User.objects.acreate_user("ann")
    gone = await User.objects.acreate_user("gone", is_active=False)
    _, reads = await token_of(ann, "read")
    _, trades_only = await token_of(ann, "trade")
    _, of_one_who_is_gone = await token_of(gone, "read")
    await client.aforce_login(ann)
    login = ("cookie", f"sessionid={client.cookies['sessionid'].value}")
    settings.PADDOCK_PUBLIC_PAGES = False

    shown = {
        "token": [reads],
        "token, elsewhere": [reads, ELSEWHERE],
        "token that does not read": [trades_only],
        "token of one who is gone": [of_one_who_is_gone],
        "unknown token": [NONSENSE],
        "unknown token, with a login": [NONSENSE, HOME, login],
        "another kind of authorization": [("authorization", "Basic YW5uOmFubg==")],
        "login": [HOME, login],
        "login, elsewhere": [ELSEWHERE, login],
        "login, without a page": [login],
        "nothing": [HOME],
    }

    let_in = [name for name, headers in shown.items() if await lets_in(*headers)]
    assert let_in == ["token", "token, elsewhere", "login"]


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_where_pages_are_public_a_program_needs_no_token_but_none_that_is_wrong(settings):
    settings.PADDOCK_PUBLIC_PAGES = True
    ann = await User.objects.acreate_user("ann")
    _, trades_only = await token_of(ann, "trade")

    assert await lets_in()
    assert await lets_in(HOME)
    assert not await lets_in(ELSEWHERE)
    assert not await lets_in(NONSENSE)
    assert not await lets_in(trades_only)


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_who_followed_a_share_link_may_follow_the_stream_until_it_is_taken_back(settings, client, monkeypatch):
    monkeypatch.setattr(policy, "ASKED_AGAIN_S", 0.02)
    link, secret = await sync_to_async(make_share_link)(by="ann", days=1)
    await sync_to_async(client.get)(f"/share/{secret}/")
    guest = ("cookie", f"sessionid={client.cookies['sessionid'].value}")
    settings.PADDOCK_PUBLIC_PAGES = False
    socket = stream(HOME, guest)
    connected, _ = await socket.connect()

    await sync_to_async(revoke)(link, by="ann")

    assert connected
    assert await closing_of(socket) == ("websocket.close", 4403)
    assert not await lets_in(HOME, guest)


@pytest.mark.usefixtures("closed_connections")
@pytest.mark.django_db(transaction=True)
async def test_a_token_that_is_taken_back_ends_the_stream_that_it_opened(settings, monkeypatch):
    monkeypatch.setattr(policy, "ASKED_AGAIN_S", 0.02)
    settings.PADDOCK_PUBLIC_PAGES = False
    token, reads = await token_of(await User.objects.acreate_user("ann"), "read")
    socket = stream(reads)
    connected, _ = await socket.connect()

    await sync_to_async(revoke)(token, by="ann")

    assert connected
    assert await closing_of(socket) == ("websocket.close", 4403)
