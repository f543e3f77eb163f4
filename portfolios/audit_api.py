"""REST: the audit log, for those who may see it."""

from __future__ import annotations

from django.urls import path
from rest_framework import generics
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from portfolios.filters import KnownParameters, MomentFilter
from portfolios.models import AuditEntry

MAY_AUDIT = "portfolios.view_auditentry"


class MayAudit(BasePermission):
    """Who changed what is nobody's business but of those who may change things."""

    message = "the audit log needs a login with the right to see it"

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether this request may go ahead."""
        return bool(request.user and request.user.has_perm(MAY_AUDIT))


class AuditFilter(KnownParameters):
    since = MomentFilter(field_name="at", lookup_expr="gte")
    until = MomentFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields = ("kind", "by", "subject", "action")


class AuditEntrySerializer(ModelSerializer):
    class Meta:
        model = AuditEntry
        exclude = ("id",)


class AuditLog(generics.ListAPIView):
    """Who changed what, newest first."""

    permission_classes = (MayAudit,)
    queryset = AuditEntry.objects.order_by("-id")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter


audit_urls = [path("audit/", AuditLog.as_view(), name="api-audit")]
