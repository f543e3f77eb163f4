"""Pages of one's own login: coming in, going out, the second factor, the password."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required, login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portfolios.audit import note_change
from tradingsite.access import second_factor, sessions
from tradingsite.access.attempts import Paused
from tradingsite.access.forms import CodeForm, ConfirmForm, LoginForm, PasswordForm
from tradingsite.access.guard import is_missing_second_factor
from tradingsite.access.live import end_sockets
from tradingsite.access.logins import checked_password, is_right_code, log_in, log_out

WRONG = "User name or password is wrong, or the user may not log in."
WRONG_CODE = "The code is wrong, or was used before. Codes change every 30 seconds."
ADMIN_LOGIN = "/admin/login/"
PENDING = "pending_login"  # in the session: whose password was right, and the code is still missing
PENDING_S = 300
NEW_SECRET = "new_second_factor"  # noqa: S105 - the name of a key of the session
_Check = Callable[[], bool]


def _checked(form: forms.Form, right: _Check, wrong: str) -> int:
    """Check what was typed; return the status of the answer: 200 once it is right, and the form says what is wrong."""
    try:
        if right():
            return 200
    except Paused as pause:
        form.add_error(None, f"Too many failed logins. Next attempt in {pause.wait_s:.0f} s.")
        return 429
    form.add_error(None, wrong)
    return 400


def _shown(request: HttpRequest, name: str, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, f"access/{name}.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """Return where to go on: only to a page of this site."""
    default = "admin:index" if request.path == ADMIN_LOGIN else "league"
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else resolve_url(default)


@login_not_required
@never_cache
@csrf_protect
@sensitive_post_parameters("password")
def log_in_page(request: HttpRequest) -> HttpResponse:
    """Take user name and password; who has a second factor goes on to its code."""
    if request.method != "POST":
        return _shown(request, "login", form=LoginForm(), next=_next(request))
    form, status, found = LoginForm(request.POST), 400, list[User]()
    if form.is_valid():
        name, password = form.cleaned_data["username"], form.cleaned_data["password"]

        def is_right() -> bool:
            user = checked_password(request, name, password)
            found.extend([user] if user else [])
            return bool(found)

        status = _checked(form, is_right, WRONG)
    if not found:
        return _shown(request, "login", status, form=form, next=_next(request))
    (user,) = found
    if second_factor.device_of(user) is None:
        log_in(request, user)
        return redirect(_next(request))
    request.session[PENDING] = {"user": user.pk, "hash": user.get_session_auth_hash(), "at": int(time.time())}
    request.session[f"{PENDING}_next"] = _next(request)
    return redirect("login-code")


@login_not_required
@never_cache
@csrf_protect
@sensitive_post_parameters("code")
def code_page(request: HttpRequest) -> HttpResponse:
    """Take the code of the second factor from somebody whose password was right."""
    user = _pending_user(request)
    if user is None:
        return redirect("login")
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        status = _checked(form, lambda: is_right_code(request, user, form.cleaned_data["code"]), WRONG_CODE)
        if status == 200:
            wanted = request.session.pop(f"{PENDING}_next", None)
            request.session.pop(PENDING, None)
            log_in(request, user)
            return redirect(wanted or "league")
    return _shown(request, "code", status, form=form, login=user.get_username())


def _pending_user(request: HttpRequest) -> User | None:
    pending = request.session.get(PENDING)
    if not pending or not 0 <= time.time() - pending["at"] < PENDING_S:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    return user if user is not None and user.get_session_auth_hash() == pending["hash"] else None


@login_not_required
@never_cache
@require_POST
@csrf_protect
def log_out_page(request: HttpRequest) -> HttpResponse:
    """End the login, and what it holds open."""
    log_out(request)
    return redirect("league")


@never_cache
@login_required
@sensitive_post_parameters("password", "code")
def confirm_page(request: HttpRequest) -> HttpResponse:
    """Take the password again, and the code: a dangerous command is next."""
    user = _user(request)
    form = ConfirmForm(request.POST or None)
    if second_factor.device_of(user) is None:
        del form.fields["code"]
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data

        def is_right() -> bool:
            return checked_password(request, user.get_username(), given["password"]) == user and (
                "code" not in given or is_right_code(request, user, given["code"])
            )

        status = _checked(form, is_right, "Password or code is wrong.")
        if status == 200:
            sessions.confirm(request.session)
            return redirect(_next(request))
    return _shown(request, "confirm", status, form=form, next=_next(request))


@never_cache
@login_required
def account_page(request: HttpRequest) -> HttpResponse:
    """Return who one is here, and the ways to change it."""
    return _shown(request, "account", device=second_factor.device_of(_user(request)))


@never_cache
@login_required
@sensitive_post_parameters()
def password_page(request: HttpRequest) -> HttpResponse:
    """Change the password; all other sessions of this user end with that."""
    user = _user(request)
    form = PasswordForm(user, request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        old = form.cleaned_data["old_password"]
        status = _checked(
            form, lambda: checked_password(request, user.get_username(), old) == user, "Old password is wrong."
        )
        if status == 200:
            form.save()
            note_change(by=user.username, kind="user", subject=user.username, action="changed", sentence="password")
            update_session_auth_hash(request, form.user)
            sessions.confirm(request.session)
            end_sockets(user_id=user.pk)
            messages.success(request, "Password changed. Other sessions of yours have ended.")
            return redirect("account")
    return _shown(request, "password", status, form=form)


@never_cache
@login_required
@sensitive_post_parameters("code")
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Show a new secret, and switch it on with its first code; the codes for paper are shown once."""
    user = _user(request)
    if second_factor.device_of(user) is not None:
        return _shown(request, "second_factor", is_on=True, left=user.recovery_codes.count())
    secret = request.session.get(NEW_SECRET) or second_factor.new_secret()
    request.session[NEW_SECRET] = secret
    form = CodeForm(request.POST or None)
    form.fields["code"].help_text = "six digits that the app shows now"
    status = 200
    if request.method == "POST" and form.is_valid():
        codes: list[str] | None = second_factor.switch_on(user, secret, form.cleaned_data["code"])
        if codes is not None:
            del request.session[NEW_SECRET]
            sessions.begin(request, user)  # the other sessions have no second factor: they end
            end_sockets(user_id=user.pk)
            return _shown(request, "second_factor", is_on=True, codes=codes, left=len(codes))
        form.add_error(None, WRONG_CODE)
        status = 400
    return _shown(
        request,
        "second_factor",
        status,
        form=form,
        secret=second_factor.shown_secret(secret),
        picture=second_factor.picture_of(user, secret),
        is_required=is_missing_second_factor(user),
    )


@never_cache
@login_required
@require_POST
def second_factor_off(request: HttpRequest) -> HttpResponse:
    """Take the second factor away."""
    user = _user(request)
    if settings.PADDOCK_REQUIRE_SECOND_FACTOR and user.is_staff:
        messages.error(request, "This site requires a second factor of traders and admins.")
    elif second_factor.switch_off(user, by=user.get_username()):
        messages.success(request, "Second factor is off.")
    return redirect("second-factor")


@never_cache
@login_required
@require_POST
def second_factor_codes(request: HttpRequest) -> HttpResponse:
    """Show fresh codes for paper."""
    user = _user(request)
    if second_factor.device_of(user) is None:
        return redirect("second-factor")
    codes = second_factor.new_codes(user)
    return _shown(request, "second_factor", is_on=True, codes=codes, left=len(codes))


def _user(request: HttpRequest) -> User:
    """Return who is logged in; every view that asks requires a login."""
    user: Any = request.user
    return User.objects.get(pk=user.pk)


access_urls = [
    path("login/", log_in_page, name="login"),
    path("login/code/", code_page, name="login-code"),
    path("login/confirm/", confirm_page, name="confirm"),
    path("logout/", log_out_page, name="logout"),
    path("account/", account_page, name="account"),
    path("account/password/", password_page, name="password"),
    path("account/second-factor/", second_factor_page, name="second-factor"),
    path("account/second-factor/off/", second_factor_off, name="second-factor-off"),
    path("account/second-factor/codes/", second_factor_codes, name="second-factor-codes"),
]
