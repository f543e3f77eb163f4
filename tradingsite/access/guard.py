"""What every page asks before it answers: is the login still good, and was the password typed lately.

`DANGEROUS` is what somebody at an unlocked screen, or with a stolen session, must not be able to do: what cannot be
taken back, what gives others access, what sells everything.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from rest_framework.permissions import SAFE_METHODS

from tradingsite.access import sessions
from tradingsite.access.guests import is_guest
from tradingsite.access.hashing import TooManyLogins
from tradingsite.access.logins import log_out
from tradingsite.access.second_factor import device_of
from tradingsite.senders.addresses import is_open_to_all

# Views by name: users, tokens and links; seasons; a deployment's money and positions; the second factor.
DANGEROUS_PAGES = (
    *("admin:auth_user_", "admin:auth_group_", "admin:tradingsite_", "admin:otp_totp_"),
    *("admin:portfolios_season_begin", "admin:strategies_deployment_pay", "admin:strategies_deployment_close"),
    *("second-factor-off", "second-factor-codes"),
)
DANGEROUS_ACTIONS = frozenset(
    {
        *("delete_selected", "flatten", "reset", "disable", "revoke_chosen"),
        *("make_viewer", "make_trader", "make_admin"),
    }
)  # of lists in the admin
DANGEROUS_CHANGES = frozenset({"flatten", "reset"})  # of a deployment, on its page
DANGEROUS_ENDPOINTS = frozenset({"api-flatten", "api-reset", "api-begin-season"})  # by a session; tokens have scopes
DELETES = "_delete"  # every page of the admin that removes something
# To whom a second factor is still missing these are open.
_WHILE_MISSING = frozenset({"second-factor", "account", "password"})
TYPE_IT_AGAIN = "Confirm your password, then send the command again."


def is_dangerous(request: HttpRequest) -> bool:
    """Return whether a request is a command that needs a fresh login."""
    match = request.resolver_match
    if request.method in SAFE_METHODS or match is None:
        return False
    name = match.view_name or ""
    if name.startswith("admin:") and request.POST.get("action") in DANGEROUS_ACTIONS:
        return True
    if name == "change-deployment" and match.kwargs.get("change") in DANGEROUS_CHANGES:
        return True
    is_removal = name.startswith("admin:") and name.endswith(DELETES)
    return is_removal or name.startswith(DANGEROUS_PAGES) or name in DANGEROUS_ENDPOINTS


class Guard(MiddlewareMixin):
    """Ends logins that are over, asks for the password again before dangerous commands, and keeps strangers out."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Return the way to the login where a request may not go on."""
        if not getattr(view, "login_required", True):
            return None  # open to all by itself, or an endpoint of the API, which asks `permissions`
        try:
            return self._complaint(request)
        except DatabaseError:
            # Without the database nobody is known: the pages that need none are those of a stranger.
            if request.method in SAFE_METHODS and is_open_to_all(request):
                return None
            raise

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer those for whom no password could be looked at."""
        if not isinstance(error, TooManyLogins):
            return None
        response = render(request, "access/busy.html", status=503)
        response["Retry-After"] = "5"
        return response

    def _complaint(self, request: HttpRequest) -> HttpResponseBase | None:
        user: Any = request.user
        if not user.is_authenticated:
            is_reading = request.method in SAFE_METHODS and not request.path.startswith("/admin/")
            may_go_on = is_open_to_all(request) or (is_reading and is_guest(request.session))
            return None if may_go_on else redirect_to_login(request.get_full_path())
        sessions.note_first_sight(request.session)
        if sessions.is_over(user, request.session):
            log_out(request, why="login ended")
            return redirect_to_login(request.get_full_path())
        if is_missing_second_factor(user) and _name_of(request) not in _WHILE_MISSING:
            messages.warning(request, "Set up a second factor first: this site requires one of traders and admins.")
            return redirect("second-factor")
        if is_dangerous(request) and not sessions.is_fresh(request.session):
            messages.warning(request, TYPE_IT_AGAIN)
            return redirect(f"{reverse('confirm')}?{urlencode({'next': _page_of(request)})}")
        return None


def is_missing_second_factor(user: Any) -> bool:
    """Return whether a second factor is required of a user who has none."""
    return bool(settings.PADDOCK_REQUIRE_SECOND_FACTOR and user.is_staff and device_of(user) is None)


def _name_of(request: HttpRequest) -> str:
    return (request.resolver_match.view_name if request.resolver_match else "") or ""


def _page_of(request: HttpRequest) -> str:
    """Return the page from which a command was sent."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    if came_from.netloc == request.get_host():
        return f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
    return "/"
