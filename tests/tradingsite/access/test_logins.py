"""Coming in: one page for all roles, growing pauses, the second factor, a fresh password before what is dangerous."""

from __future__ import annotations

import re
import threading
import time
from base64 import b32decode
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone
from django_otp.oath import totp

from portfolios.models import AuditEntry
from strategies.models import Deployment
from tests.rows import enter, open_season
from tradingsite.access import attempts, hashing, second_factor, sessions
from tradingsite.access.roles import ROLES, give_role
from tradingsite.access.tokens import make_share_link
from tradingsite.models import LoginPause, ShareLink

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse 42"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    monkeypatch.setattr(hashing.TwoAtATime, "iterations", 10)


@pytest.fixture
def people():
    found = {role: User.objects.create_user(role, password=PASSWORD) for role in ROLES}
    for role, user in found.items():
        give_role(user=user, role=role, by="test")
    return {role: User.objects.get(pk=user.pk) for role, user in found.items()}


def log_in(client, name, password=PASSWORD, **more):
    return client.post("/login/", {"username": name, "password": password, **more})


def said_of(name):
    return list(AuditEntry.objects.filter(kind="login", by=name).order_by("id").values_list("action", flat=True))


@pytest.mark.parametrize("role", ROLES)
def test_every_role_logs_in_on_the_same_page_and_out_again(client, settings, people, role):
    settings.PADDOCK_PUBLIC_PAGES = False
    asked = client.get("/")

    shown = client.get(asked.url)
    answer = log_in(client, role, next="/feed/")

    assert (asked.status_code, asked.url) == (302, "/login/?next=/")
    assert shown.status_code == 200
    assert (answer.status_code, answer.url) == (302, "/feed/")
    assert client.get("/feed/").status_code == 200
    client.post("/logout/")
    assert client.get("/feed/").status_code == 302
    assert said_of(role) == ["logged in", "logged out"]


@pytest.mark.parametrize(
    "elsewhere", ["http://evil.example/", "//evil.example", "javascript:alert(1)", "https:evil.example"]
)
def test_a_login_never_leads_to_another_site(client, people, elsewhere):
    assert log_in(client, "viewer", next=elsewhere).url == "/"


def test_a_wrong_password_says_neither_which_part_was_wrong_nor_keeps_what_was_typed(client, people):
    wrong = log_in(client, "trader", "nonsense")
    stranger = log_in(client, "my-secret-typed-into-the-wrong-field", "nonsense")

    pages = [re.sub(r'value="[^"]*"', "", page.content.decode()) for page in (wrong, stranger)]
    assert (wrong.status_code, stranger.status_code) == (400, 400)
    assert "User name or password is wrong" in pages[0]
    assert pages[0] == pages[1]
    assert said_of("trader") == ["failed"]
    assert said_of("unknown user") == ["failed"]
    assert "my-secret" not in str(list(AuditEntry.objects.values()) + list(LoginPause.objects.values()))


def test_after_some_failures_even_the_right_password_waits_and_the_pauses_grow(client, people):
    for _ in range(attempts.USER.free + 1):
        log_in(client, "trader", "nonsense")

    refused = log_in(client, "trader")

    assert refused.status_code == 429
    assert "Too many failed logins. Next attempt in 2 s." in refused.content.decode()
    assert said_of("trader") == ["failed"] * (attempts.USER.free + 1)  # what was not looked at is no attempt
    waits = []
    now = timezone.now() + timedelta(minutes=1)
    for _ in range(4):
        attempts.count(attempts.USER, "trader", now=now)
        with pytest.raises(attempts.Paused) as pause:
            attempts.count(attempts.USER, "trader", now=now)
        waits.append(pause.value.wait_s)
        now += timedelta(seconds=pause.value.wait_s)
    assert waits == [4, 8, 16, 32]


def test_an_address_that_tries_many_names_waits_too_and_a_login_of_its_own_does_not_help(client, people):
    for number in range(attempts.ADDRESS.free):
        log_in(client, f"somebody-{number}", "nonsense")
    log_in(client, "viewer")
    log_in(client, "one-more", "nonsense")

    assert log_in(client, "trader").status_code == 429


def test_pauses_never_pass_their_longest_and_are_forgotten_after_a_day():
    now = timezone.now()
    for _ in range(40):
        try:
            attempts.count(attempts.USER, "trader", now=now)
        except attempts.Paused as pause:
            assert pause.wait_s <= attempts.USER.longest_s
            now += timedelta(seconds=pause.wait_s)

    attempts.count(attempts.USER, "trader", now=now + timedelta(days=2))
    assert LoginPause.objects.get().failures == 1


def test_at_most_two_passwords_are_hashed_at_a_time(monkeypatch):
    at_work, most, lock = 0, 0, threading.Lock()
    slow = hashing.PBKDF2PasswordHasher.encode

    def counted(self, *args):
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        with lock:
            at_work -= 1
        return slow(self, *args)

    monkeypatch.setattr(hashing.PBKDF2PasswordHasher, "encode", counted)
    threads = [threading.Thread(target=make_password, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 2


def test_where_no_password_can_be_looked_at_the_page_says_so(client, people, monkeypatch):
    monkeypatch.setattr(hashing, "WAIT_S", 0.01)
    with hashing.turn(), hashing.turn():
        busy = log_in(client, "trader")

    assert (busy.status_code, busy["Retry-After"]) == (503, "5")


def test_staff_log_in_once_a_working_day_and_a_viewer_less_often(client, people):
    for name, span in (("trader", timedelta(hours=10)), ("admin", timedelta(hours=10)), ("viewer", timedelta(days=14))):
        Session.objects.all().delete()
        client.cookies.clear()
        log_in(client, name)
        assert abs(Session.objects.get().expire_date - timezone.now() - span) < timedelta(minutes=1)


def test_a_session_older_than_a_working_day_ends_when_its_user_becomes_staff(client, people, settings):
    log_in(client, "viewer")
    session = client.session
    session[sessions.SINCE] = int(time.time()) - 11 * 3_600
    session.save()
    assert client.get("/account/").status_code == 200

    give_role(user=people["viewer"], role="trader", by="test")

    assert client.get("/account/").url == "/login/?next=/account/"
    assert client.get("/api/v1/audit/").status_code in {401, 403}


def test_a_share_link_never_touches_a_session_with_a_login(client, people):
    log_in(client, "trader")
    before = client.session.session_key, client.session.get_expiry_date(), dict(client.session)
    _, secret = make_share_link(by="test", days=3_650)

    followed = client.get(f"/share/{secret}/")

    assert followed.url == "/"
    after = client.session.session_key, client.session.get_expiry_date(), dict(client.session)
    assert before == after
    assert ShareLink.objects.get().opened == 1


def test_who_logs_in_as_a_guest_of_a_link_has_the_working_day_and_not_the_links_end(client, people):
    _, secret = make_share_link(by="test", days=3_650)
    client.get(f"/share/{secret}/")

    log_in(client, "trader")

    assert client.session.get_expiry_date() - timezone.now() < timedelta(hours=11)
    assert "share_link" not in client.session


def switch_on(client, name):
    """Set a second factor up as a person does; return its key and the recovery codes."""
    log_in(client, name)
    page = client.get("/account/second-factor/").content.decode()
    assert "<svg" in page
    key = b32decode(re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", ""))
    done = client.post("/account/second-factor/", {"code": f"{totp(key):06}"})
    return key, re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", done.content.decode())


def next_code(key):
    """Return the code of half a minute later: one that was used is not taken again."""
    return f"{totp(key, drift=1):06}"


def test_with_a_second_factor_the_password_alone_opens_nothing(client, people):
    key, codes = switch_on(client, "trader")
    client.post("/logout/")

    half_way = log_in(client, "trader", next="/audit/")
    wrong = client.post("/login/code/", {"code": "000000"})
    inside = client.get("/account/").status_code
    right = client.post("/login/code/", {"code": next_code(key)})

    assert half_way.url == "/login/code/"
    assert (wrong.status_code, inside) == (400, 302)
    assert (right.status_code, right.url) == (302, "/audit/")
    assert len(codes) == second_factor.CODES
    assert said_of("trader")[-2:] == ["wrong code", "logged in"]


def test_a_recovery_code_opens_once_and_no_code_is_kept_as_it_is(client, people):
    _, codes = switch_on(client, "trader")

    def with_code(code):
        client.post("/logout/")
        log_in(client, "trader")
        return client.post("/login/code/", {"code": code}).status_code

    assert with_code(codes[0]) == 302
    assert with_code(codes[0]) == 400
    assert with_code(codes[1].upper().replace("-", " ")) == 302
    kept = "".join(people["trader"].recovery_codes.values_list("digest", flat=True))
    assert codes[2] not in kept


def test_codes_are_throttled_apart_from_passwords(client, people):
    key, _ = switch_on(client, "trader")
    client.post("/logout/")
    for _ in range(attempts.CODE.free + 1):
        log_in(client, "trader")
        client.post("/login/code/", {"code": "000000"})

    log_in(client, "trader")

    assert client.post("/login/code/", {"code": next_code(key)}).status_code == 429


def test_sessions_from_before_the_second_factor_end_with_it(client, people, django_user_model):
    from django.test import Client

    elsewhere = Client()
    log_in(elsewhere, "trader")
    assert elsewhere.get("/account/").status_code == 200

    switch_on(client, "trader")

    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_where_it_is_required_staff_without_one_reach_only_the_page_that_sets_it_up(client, settings, people):
    settings.PADDOCK_REQUIRE_SECOND_FACTOR = True
    log_in(client, "admin")

    assert [client.get(path).url for path in ("/", "/admin/", "/audit/")] == ["/account/second-factor/"] * 3
    assert client.get("/api/v1/audit/").status_code == 403
    assert client.get("/account/second-factor/").status_code == 200
    switch_on(client, "admin")
    assert client.get("/admin/").status_code == 200
    client.logout()
    log_in(client, "viewer")
    assert client.get("/").status_code == 200


def test_who_has_lost_everything_is_let_in_by_the_command(client, people, capsys):
    switch_on(client, "trader")
    client.post("/logout/")

    call_command("secondfactor", "trader", remove=True)

    assert "removed" in capsys.readouterr().out
    assert log_in(client, "trader").url == "/"


def make_stale(client):
    session = client.session
    session[sessions.CONFIRMED] = int(time.time()) - 3_600
    session.save()


DANGEROUS = {
    "a new token": ("/admin/tradingsite/apitoken/add/", {"name": "x"}),
    "a new link": ("/admin/tradingsite/sharelink/add/", {"days": 3}),
    "a new user": ("/admin/auth/user/add/", {"username": "x"}),
    "a role": ("/admin/auth/user/", {"action": "make_admin", "_selected_action": "1"}),
    "a new season": ("/admin/portfolios/season/begin/", {}),
    "flatten all": ("/admin/strategies/deployment/", {"action": "flatten", "confirmed": "1", "_selected_action": "1"}),
    "a reset": ("/admin/strategies/deployment/", {"action": "reset", "confirmed": "1", "_selected_action": "1"}),
    "a removal": ("/admin/notifications/channel/1/delete/", {"post": "yes"}),
    "removals": ("/admin/notifications/channel/", {"action": "delete_selected", "_selected_action": "1"}),
    "a flatten on the page": ("/deployments/a/flatten/", {}),
    "no second factor": ("/account/second-factor/off/", {}),
}


@pytest.mark.parametrize("command", DANGEROUS)
def test_a_dangerous_command_asks_for_the_password_of_who_logged_in_long_ago(client, people, command):
    path, fields = DANGEROUS[command]
    log_in(client, "admin")
    make_stale(client)

    asked = client.post(path, fields, headers={"Referer": "http://testserver/feed/"})

    assert (asked.status_code, asked.url) == (302, "/login/confirm/?next=%2Ffeed%2F")


def test_a_confirmed_password_lets_dangerous_commands_through_for_a_while(client, people):
    enter(open_season(), "a")
    log_in(client, "trader")
    make_stale(client)
    by_api = client.post("/api/v1/deployments/a/flatten/", content_type="application/json")
    client.post("/deployments/a/flatten/")
    untouched = Deployment.objects.get().status

    wrong = client.post("/login/confirm/", {"password": "nonsense", "next": "/feed/"})
    right = client.post("/login/confirm/", {"password": PASSWORD, "next": "/feed/"})
    client.post("/deployments/a/flatten/")

    assert (by_api.status_code, untouched) == (403, "enabled")
    assert "confirm your password at /login/confirm/" in by_api.json()["detail"]
    assert (wrong.status_code, right.url) == (400, "/feed/")
    assert Deployment.objects.get().status == "paused"


def test_a_changed_password_ends_the_other_sessions_and_needs_the_old_one(client, people):
    from django.test import Client

    elsewhere = Client()
    log_in(elsewhere, "viewer")
    log_in(client, "viewer")
    new = {"new_password1": "another horse 43", "new_password2": "another horse 43"}

    wrong = client.post("/account/password/", {"old_password": "nonsense", **new})
    right = client.post("/account/password/", {"old_password": PASSWORD, **new})

    assert (wrong.status_code, right.status_code) == (400, 302)
    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    assert log_in(client, "viewer", "another horse 43").status_code == 302


def test_the_admin_has_no_way_in_of_its_own(client, people):
    page = client.get("/admin/login/")
    inside = client.post("/admin/login/", {"username": "trader", "password": PASSWORD})

    assert page.status_code == 200
    assert (inside.status_code, inside.url) == (302, "/admin/")
    assert said_of("trader") == ["logged in"]
    assert client.get("/admin/password_change/").url == "/account/password/"
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404


def test_the_job_removes_sessions_that_have_ended_and_old_pauses(client, people):
    from tradingsite.access.tasks import remove_ended

    log_in(client, "viewer")
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
    attempts.count(attempts.USER, "old", now=timezone.now() - timedelta(days=3))

    remove_ended()

    assert not Session.objects.exists()
    assert LoginPause.objects.filter(key__startswith="user:").count() == 0
