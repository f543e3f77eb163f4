"""Tokens and share links: what they open, and that they open nothing more."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from portfolios.models import AuditEntry
from tests.dashboard.sockets import local_socket
from tests.rows import enter, open_season
from tradingsite.access.roles import give_role, role_of
from tradingsite.access.tokens import make_share_link, make_token, revoke
from tradingsite.models import ApiToken, ShareLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def trader():
    user = User.objects.create_user("tess")
    give_role(user=user, role="trader", by="test")
    return User.objects.get(pk=user.pk)


@pytest.fixture
def row():
    return enter(open_season(), "a")


def bearer(secret):
    return {"headers": {"Authorization": f"Bearer {secret}"}, "content_type": "application/json"}


def read(client, *, headers, **_options):
    return client.get("/api/v1/league/", headers=headers)


def token(user, *scopes, days=None):
    return make_token(user=user, name="robot", scopes=scopes, by="test", days=days)


def test_a_token_does_what_its_scopes_say_and_no_more(client, trader, row):
    _, reader = token(trader, "read")
    refused = client.post("/api/v1/deployments/a/pause/", **bearer(reader))

    assert read(client, **bearer(reader)).status_code == 200
    assert (refused.status_code, refused.json()["detail"]) == (403, "the token lacks the scope trade")

    ApiToken.objects.all().delete()
    _, seller = token(trader, "read", "trade")
    assert client.post("/api/v1/deployments/a/pause/", **bearer(seller)).status_code == 200


def test_a_token_never_does_more_than_its_user_may(client, row):
    viewer = User.objects.create_user("vic")
    _, secret = token(viewer, "read", "trade")

    assert client.post("/api/v1/deployments/a/pause/", **bearer(secret)).status_code == 403


@pytest.mark.parametrize("secret", ["pdk_nobody", "", "two words"])
def test_an_unknown_token_is_named_as_such(client, settings, secret):
    answer = read(client, **bearer(secret))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Paddock"'
    assert answer.json()["detail"] == "the token is unknown, expired or revoked"


def test_a_token_that_was_revoked_or_has_expired_opens_nothing(client, trader):
    given, secret = token(trader, "read", days=1)
    revoke(given, by="test")
    assert read(client, **bearer(secret)).status_code == 401

    ApiToken.objects.update(revoked_at=None, expires_at=timezone.now() - timedelta(seconds=1))
    assert read(client, **bearer(secret)).status_code == 401


def test_a_token_ends_after_ninety_days_unless_it_is_given_another_end(trader):
    by_default, _ = token(trader, "read")
    shown = json.loads(run("token", "create", trader.username, "script", "--json"))

    ninety_days = timezone.now() + timedelta(days=90)
    assert abs(by_default.expires_at - ninety_days) < timedelta(minutes=1)
    assert abs(datetime.fromisoformat(shown["expires_at"]) - ninety_days) < timedelta(minutes=1)
    with pytest.raises(ValidationError, match="days is 0; expected a whole number from 1 to 3650"):
        make_token(user=trader, name="for ever", scopes=["read"], by="test", days=0)


def test_the_secret_of_a_token_is_kept_nowhere(trader):
    given, secret = token(trader, "read")

    assert secret.startswith("pdk_")
    assert secret not in json.dumps([str(vars(given)), list(AuditEntry.objects.values_list("sentence", flat=True))])


@pytest.mark.parametrize(("scopes", "said"), [((), "no scope is named"), (("fly",), "scope is 'fly'")])
def test_scopes_that_there_are_not_are_named(trader, scopes, said):
    with pytest.raises(ValidationError, match=said):
        token(trader, *scopes)


def test_a_guest_with_a_link_reads_pages_and_api_and_changes_nothing(client, settings, row):
    settings.PADDOCK_PUBLIC_PAGES = False
    _, secret = make_share_link(by="test", days=7)

    followed = client.get(f"/share/{secret}/")

    assert (followed.status_code, followed.url) == (302, "/")
    assert client.get("/api/v1/league/").status_code == 200
    assert client.post("/api/v1/deployments/a/pause/").status_code in {401, 403}
    assert client.get("/admin/").status_code == 302
    assert ShareLink.objects.get().opened == 1


def test_a_link_that_was_taken_back_closes_at_once(client, settings):
    settings.PADDOCK_PUBLIC_PAGES = False
    link, secret = make_share_link(by="test", days=7)
    client.get(f"/share/{secret}/")
    revoke(link, by="test")

    assert client.get("/api/v1/league/").status_code == 401
    over = client.get(f"/share/{secret}/")
    assert over.status_code == 410
    assert "taken back" in over.content.decode()
    assert client.get("/share/never-given/").status_code == 410


@pytest.mark.parametrize("days", [0, 3_651])
def test_a_link_lasts_for_some_days(days):
    with pytest.raises(ValidationError, match=f"days is {days}; expected a whole number from 1 to 3650"):
        make_share_link(by="test", days=days)


@pytest.mark.django_db(transaction=True)
async def test_a_guests_socket_is_open_where_pages_are_not_public(settings):
    from asgiref.sync import sync_to_async
    from django.test import AsyncClient

    from tradingsite.asgi import application

    settings.PADDOCK_PUBLIC_PAGES = False
    _, secret = await sync_to_async(make_share_link)(by="test", days=1)
    guest = AsyncClient()
    await guest.get(f"/share/{secret}/")
    cookie = f"sessionid={guest.cookies['sessionid'].value}".encode()
    headers = [(b"host", b"127.0.0.1:8000"), (b"origin", b"http://127.0.0.1:8000"), (b"cookie", cookie)]
    socket = local_socket(application, "/ws/league/", headers=headers)

    connected, _ = await socket.connect()

    assert connected
    await socket.disconnect()


def run(*command):
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_the_commands_make_users_tokens_and_links_and_take_them_back(client):
    assert "vera is a viewer" in run("role", "vera", "viewer", "--create")
    assert role_of(User.objects.get(username="vera")) == "viewer"
    run("role", "vera", "admin")
    assert role_of(User.objects.get(username="vera")) == "admin"

    made = json.loads(run("token", "create", "vera", "robot", "--scope", "read", "--days", "3", "--json"))
    assert read(client, **bearer(made["secret"])).status_code == 200
    (listed,) = json.loads(run("token", "list", "--json"))
    assert (listed["name"], listed["state"], "secret" in listed) == ("robot", "valid", False)
    run("token", "revoke", str(listed["id"]))
    assert read(client, **bearer(made["secret"])).status_code == 401

    address = run("share", "--days", "2", "--note", "for Bob").splitlines()[0]
    assert client.get(address[address.index("/share/") :]).status_code == 302
    assert "for Bob" in run("share", "--list")
    run("share", "--revoke", str(ShareLink.objects.get().pk))
    assert ShareLink.objects.get().state == "revoked"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("role", "nobody", "viewer"), "no user is called 'nobody'"),
        (("token", "create", "nobody", "x"), "no user is called 'nobody'"),
        (("token", "revoke", "77"), "no token has the id 77"),
        (("share", "--days", "0"), "days is 0"),
        (("share", "--revoke", "77"), "no link has the id 77"),
    ],
)
def test_a_command_that_cannot_be_says_why(command, said):
    with pytest.raises(CommandError, match=said):
        run(*command)


def test_the_admin_makes_tokens_and_links_and_tells_their_secret_once(admin_client, trader):
    shown = admin_client.post(
        "/admin/tradingsite/apitoken/add/",
        {"user": trader.pk, "name": "robot", "scopes": ["read"], "days": ""},
        follow=True,
    )
    link = admin_client.post("/admin/tradingsite/sharelink/add/", {"note": "Bob", "days": 3}, follow=True)

    assert "The token is pdk_" in shown.content.decode()
    assert "/share/" in link.content.decode()
    assert ApiToken.objects.get().scopes == ["read"]
    admin_client.post(
        "/admin/tradingsite/sharelink/",
        {"action": "revoke_chosen", "_selected_action": [ShareLink.objects.get().pk]},
    )
    assert ShareLink.objects.get().state == "revoked"
