"""Who may read and who may change through the API."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # rest_framework.views itself imports this module, through the settings
    from rest_framework.views import APIView


class StaffOrReadOnly(BasePermission):
    """Reading is open to whoever may see the pages; every change needs a staff login."""

    message = "a change needs a login with staff rights"

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return whether this request may go ahead."""
        if request.method in SAFE_METHODS:
            return settings.PADDOCK_PUBLIC_PAGES or bool(request.user and request.user.is_authenticated)
        return bool(request.user and request.user.is_staff)
