"""Who may read and who may change through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tradingsite.access.guests import may_read

if TYPE_CHECKING:  # rest_framework.views itself imports this module, through the settings
    from rest_framework.views import APIView

    from tradingsite.models import ApiToken

MAY_TRADE = "strategies.change_deployment"


def shown_token(authorization: bytes) -> ApiToken | None:
    """Return the token that an `Authorization: Bearer pdk_…` shows; None where it shows none.

    Raises:
        AuthenticationFailed: an unknown token, or one that has ended.
    """
    from tradingsite.access.tokens import known_token

    words = authorization.decode("latin-1").split()
    if not words or words[0].lower() != "bearer":
        return None
    token = known_token(words[1]) if len(words) == 2 else None
    if token is None:
        raise exceptions.AuthenticationFailed("the token is unknown, expired or revoked")
    return token


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer pdk_…`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return user and token; None without a token.

        Raises:
            AuthenticationFailed: an unknown token, or one that has ended.
        """
        token = shown_token(get_authorization_header(request))
        return None if token is None else (token.user, token)

    def authenticate_header(self, request: Request) -> str:
        """Return what a program without a token must bring."""
        return 'Bearer realm="Paddock"'


class LivingSessions(SessionAuthentication):
    """The login of a browser, while it is good: as on the pages."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the user of the session; None where there is none, or it is over.

        Raises:
            PermissionDenied: the user still has to set up a second factor.
        """
        from tradingsite.access import guard, sessions

        found = super().authenticate(request)
        if found is None or sessions.is_over(found[0], request.session):
            return None
        sessions.note_first_sight(request.session)
        if guard.is_missing_second_factor(found[0]):
            raise exceptions.PermissionDenied("a second factor is required of this user: /account/second-factor/")
        return found


class TradersChange(BasePermission):
    """Reading is open as the pages are; every change needs the role of a trader, and a token its scope.

    A view may name the permission it ``needs`` instead, to be read or to be changed. A token needs the ``scope`` that
    a view names, else ``read`` for what everybody may read, and ``admin`` for all the rest: a new endpoint is open to
    no token by oversight.
    """

    message = "it needs a login with the role of a trader, or a token of such a user with the scope"

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether this request may go ahead."""
        is_safe = request.method in SAFE_METHODS
        needed = getattr(view, "needs", None if is_safe else MAY_TRADE)
        require_scope(request.auth, getattr(view, "scope", "read" if needed is None else "admin"))
        if needed is None:
            return may_read(request)
        may = bool(request.user and request.user.has_perm(needed))
        if may and request.auth is None:
            _require_fresh_login(request)
        return may


def _require_fresh_login(request: Request) -> None:
    """Check that a dangerous command by a session comes from somebody who typed the password lately.

    Raises:
        PermissionDenied: it was typed too long ago.
    """
    from tradingsite.access import guard, sessions

    if guard.is_dangerous(request._request) and not sessions.is_fresh(request.session):  # noqa: SLF001 - Django's own
        raise exceptions.PermissionDenied("confirm your password at /login/confirm/, then send it again")


def require_scope(token: Any, scope: str) -> None:
    """Return whether a request has no token, then its role decides alone, or one that covers ``scope``.

    Raises:
        PermissionDenied: the token does not cover it.
    """
    if token is not None and scope not in getattr(token, "scopes", ()):
        raise exceptions.PermissionDenied(f"the token lacks the scope {scope}")
