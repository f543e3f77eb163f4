"""Logging in and out, and confirming who one is: throttled, logged, and in the audit log."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import authenticate, logout
from django.contrib.auth.models import User
from django.http import HttpRequest

from portfolios.audit import note_change
from tradingsite.access import attempts, second_factor, sessions
from tradingsite.access.live import end_sockets
from tradingsite.senders.addresses import client_address

STRANGER = "unknown user"  # what was typed may be a password in the wrong field: it is kept nowhere
_log = logging.getLogger("access")


def checked_password(request: HttpRequest, name: str, password: str) -> User | None:
    """Return the user whose password this is; None when it is wrong, or the user may not log in.

    Raises:
        Paused: too many attempts have failed; the password was not looked at.
        TooManyLogins: too many others log in at this moment.
    """
    address = client_address(request.META)
    try:
        attempts.count(attempts.ADDRESS, address)
        attempts.count(attempts.USER, name)
    except attempts.Paused as pause:
        _log.warning("login refused for %.0f s: address %s", pause.wait_s, address)
        raise
    user = authenticate(request, username=name, password=password)
    if not isinstance(user, User):
        known = User.objects.filter(username=name).exists()
        _note(name if known else STRANGER, "failed", address)
        return None
    attempts.forgive(attempts.USER, name)
    attempts.forgive(attempts.ADDRESS, address)
    return user


def is_right_code(request: HttpRequest, user: User, code: str) -> bool:
    """Return whether the second factor's code is right.

    Raises:
        Paused: too many codes were wrong; this one was not looked at.
    """
    name, address = user.get_username(), client_address(request.META)
    attempts.count(attempts.ADDRESS, address)
    attempts.count(attempts.CODE, name)
    if not second_factor.is_right(user, code):
        _note(name, "wrong code", address)
        return False
    attempts.forgive(attempts.CODE, name)
    attempts.forgive(attempts.ADDRESS, address)
    return True


def log_in(request: HttpRequest, user: User) -> None:
    """Begin the user's session."""
    sessions.begin(request, user)
    _note(user.get_username(), "logged in", client_address(request.META))


def log_out(request: HttpRequest, *, why: str = "logged out") -> None:
    """End the session, and the sockets that were opened with it."""
    user: Any = request.user
    if user.is_authenticated:
        _note(user.get_username(), why, client_address(request.META))
    number = user.pk
    logout(request)
    if number is not None:
        end_sockets(user_id=number)


def _note(name: str, action: str, address: str) -> None:
    """Write it into the log and the audit log."""
    level = logging.INFO if action in {"logged in", "logged out"} else logging.WARNING
    _log.log(level, "%s: %r from %s", action, name, address)
    note_change(by=name, kind="login", subject=address, action=action)
