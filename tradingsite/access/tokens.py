"""Giving out tokens and share links, taking them back, and knowing them again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portfolios.audit import note_change
from tradingsite.access.live import end_sockets
from tradingsite.models import ApiToken, Scope, ShareLink

PREFIX = "pdk_"
TOKEN_DAYS = 90  # unless another end is named
MOST_DAYS = 3_650
USED_EVERY = timedelta(minutes=1)  # a use is written down no more often


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_token(
    *, user: User, name: str, scopes: Iterable[str], by: str, days: int | None = None
) -> tuple[ApiToken, str]:
    """Return a token and its secret, which is shown this once; it ends after so many days, 90 when left out.

    Raises:
        ValidationError: per field.
    """
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in Scope.values]
    if unknown or not wanted:
        said = f"scope is {unknown[0]!r}" if unknown else "no scope is named"
        raise ValidationError({"scopes": f"{said}; expected some of {', '.join(Scope.values)}"})
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name,
        scopes=wanted,
        digest=digest_of(secret),
        expires_at=_end(TOKEN_DAYS if days is None else days),
    )
    token.full_clean()
    token.save()
    sentence = f"scopes {', '.join(wanted)}; {_until(token)}"
    note_change(by=by, kind="token", subject=str(token), action="created", sentence=sentence)
    return token, secret


@transaction.atomic
def make_share_link(*, by: str, days: int, note: str = "") -> tuple[ShareLink, str]:
    """Return a link that reads the pages for so many days, and its secret, which is shown this once.

    Raises:
        ValidationError: per field.
    """
    secret = secrets.token_urlsafe(24)
    link = ShareLink(by=by[:150], note=note, digest=digest_of(secret), expires_at=_end(days))
    link.full_clean()
    link.save()
    note_change(by=by, kind="share link", subject=str(link), action="created", sentence=_until(link))
    return link, secret


@transaction.atomic
def revoke(given: ApiToken | ShareLink, *, by: str) -> None:
    """Take a token or link back; it opens nothing from now on."""
    if given.revoked_at is None:
        given.revoked_at = timezone.now()
        given.save(update_fields=["revoked_at"])
        kind = "token" if isinstance(given, ApiToken) else "share link"
        note_change(by=by, kind=kind, subject=str(given), action="revoked")
        if isinstance(given, ApiToken):
            end_sockets(user_id=given.user_id)
        else:
            end_sockets(link_id=given.pk)


def known_token(secret: str) -> ApiToken | None:
    """Return the valid token that has this secret, with its user; None for any other secret."""
    token = ApiToken.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if token is None or not token.is_valid or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def followed_link(secret: str) -> ShareLink | None:
    """Return the link that has this secret, valid or not, and count that it was followed."""
    link = ShareLink.objects.filter(digest=digest_of(secret)).first()
    if link is not None and link.is_valid:
        ShareLink.objects.filter(pk=link.pk).update(opened=F("opened") + 1)
    return link


def _end(days: int) -> datetime:
    if not 1 <= days <= MOST_DAYS:
        raise ValidationError({"days": f"days is {days}; expected a whole number from 1 to {MOST_DAYS}"})
    return timezone.now() + timedelta(days=days)


def _until(given: ApiToken | ShareLink) -> str:
    return f"until {given.expires_at:%Y-%m-%d %H:%M} UTC" if given.expires_at else "never expires"
