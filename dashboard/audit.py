"""The audit log as a page."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portfolios.audit_api import MAY_AUDIT
from portfolios.models import AuditEntry

PER_PAGE = 100


@require_safe
@never_cache
@login_required
def audit(request: HttpRequest) -> HttpResponse:
    """Return the recorded changes, newest first: ``?kind=…&by=…&page=…``."""
    if not request.user.has_perm(MAY_AUDIT):
        raise PermissionDenied("needs trader or admin role")
    kinds = list(AuditEntry.objects.order_by("kind").values_list("kind", flat=True).distinct())
    kind, by = request.GET.get("kind", ""), request.GET.get("by", "")
    if kind and kind not in kinds:
        raise Http404(f"No changes of kind {kind!r}; known kinds: {', '.join(kinds) or 'none yet'}.")
    entries = AuditEntry.objects.filter(**{name: value for name, value in (("kind", kind), ("by", by)) if value})
    page = Paginator(entries, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "dashboard/audit.html", {"page": page, "kinds": kinds, "kind": kind, "by": by})
