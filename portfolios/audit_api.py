"""REST: the audit log."""

from __future__ import annotations

from django.urls import path
from rest_framework import generics
from rest_framework.serializers import ModelSerializer

from portfolios.filters import KnownParameters, MomentFilter
from portfolios.models import AuditEntry

MAY_AUDIT = "portfolios.view_auditentry"


class AuditFilter(KnownParameters):
    since = MomentFilter(field_name="at", lookup_expr="gte")
    until = MomentFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields = ("kind", "by", "subject", "action")


class AuditEntrySerializer(ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        exclude = ("id",)


class AuditLog(generics.ListAPIView[AuditEntry]):
    """Who changed what, newest first; needs the trader or the admin role."""

    needs = MAY_AUDIT
    queryset = AuditEntry.objects.order_by("-id")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter


audit_urls = [path("audit/", AuditLog.as_view(), name="api-audit")]
