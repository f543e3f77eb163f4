"""How long a login lasts, and when it counts as fresh.

Staff log in once a working day; a dangerous command needs a password that was typed within the last minutes. A share
link has a session of its own and never touches that of a user.
"""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user, login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device

from tradingsite.access.guests import SHARED
from tradingsite.access.second_factor import device_of

WORKING_DAY = timedelta(hours=10)
READING = timedelta(days=14)  # of a viewer
FRESH_FOR = timedelta(minutes=15)
SINCE = "since"  # in the session: when its user logged in, seconds since 1970
CONFIRMED = "confirmed"  # and when the password was typed last


def begin(request: HttpRequest, user: User) -> None:
    """Begin the session of a user whose password, and code, were right."""
    device = device_of(user)
    user.otp_device = device  # type: ignore[attr-defined]  # django_otp notes it in the session
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session.pop(SHARED, None)  # of a guest, whose link has an end of its own
    request.session[SINCE] = request.session[CONFIRMED] = int(time.time())
    request.session.set_expiry(timezone.now() + (WORKING_DAY if user.is_staff else READING))


def note_first_sight(session: Any) -> None:
    """Let a session that no login of ours began count from now on: one from before an upgrade."""
    if SINCE not in session:
        session[SINCE] = session[CONFIRMED] = int(time.time())


def confirm(session: Any) -> None:
    """Note that the password was typed just now."""
    session[CONFIRMED] = int(time.time())


def is_fresh(session: Any) -> bool:
    """Return whether the password was typed within the last minutes."""
    typed_s: int = session.get(CONFIRMED, 0)
    return 0 <= time.time() - typed_s < FRESH_FOR.total_seconds()


def is_over(user: Any, session: Any) -> bool:
    """Return whether a login has ended: the working day is over, or a second factor came that it does not have."""
    if user.is_staff and time.time() - session.get(SINCE, time.time()) >= WORKING_DAY.total_seconds():
        return True
    device = device_of(user)
    return device is not None and not _has_shown(session, device)


def _has_shown(session: Any, device: Device) -> bool:
    shown: object = session.get(DEVICE_ID_SESSION_KEY)
    return bool(shown == device.persistent_id)


def living_user(session_key: str | None) -> User | None:
    """Return whose session this is now, read anew: None after a logout, a changed password or a deactivation."""
    if not session_key:
        return None
    request: Any = SimpleNamespace(session=SessionStore(session_key))
    if SESSION_KEY not in request.session:
        return None
    user = get_user(request)
    return user if isinstance(user, User) and not is_over(user, request.session) else None
