"""Following a share link."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tradingsite.access.guests import SHARED
from tradingsite.access.tokens import followed_link


@require_safe
@never_cache
@login_not_required
def share(request: HttpRequest, secret: str) -> HttpResponse:
    """Let the holder of a valid link read the pages from now on; say that an expired one is over.

    Who is logged in reads them anyway: that session stays as it is, its end included.
    """
    link = followed_link(secret)
    if link is None or not link.is_valid:
        words = {"unknown": "Nobody gave out this link.", "expired": "This link has expired."}
        state = link.state if link else "unknown"
        return render(request, "share_over.html", {"said": words.get(state, "This link was taken back.")}, status=410)
    if request.user.is_authenticated:
        return redirect("league")
    request.session.cycle_key()
    request.session[SHARED] = link.pk
    if link.expires_at is not None:
        request.session.set_expiry(link.expires_at)
    return redirect("league")
