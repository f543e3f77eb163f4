"""Long lists in pages that do not shift while rows are added, or whole as a table."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from django.db import DataError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from tradingsite.rest.tables import TableRenderer

MOST = 1_000
MOST_TABLE_ROWS = 50_000


class Pages(CursorPagination):
    """`limit` rows from `cursor` on, in the order of the view's rows; a table has all of them at once."""

    page_size = 100
    max_page_size = MOST
    page_size_query_param = "limit"
    cursor_query_description = "where the page begins: from `next` or `previous` of another page"
    page_size_query_description = f"rows, 1 to {MOST}"

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the parameters' descriptions, with their bounds."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": MOST, "default": self.page_size}
        return parameters

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """Return the order that the view's rows have."""
        return tuple(queryset.query.order_by or queryset.model._meta.ordering)  # noqa: SLF001  (Django's own name)

    def get_page_size(self, request: Request) -> int:
        """Return how many rows are requested.

        Raises:
            ValidationError: not a whole number, or out of bounds.
        """
        requested = request.query_params.get("limit", str(self.page_size))
        if not (requested.isascii() and requested.isdigit() and len(requested) <= 6 and 1 <= int(requested) <= MOST):
            raise ValidationError({"limit": [f"limit is {requested!r}; expected a whole number from 1 to {MOST}"]})
        return int(requested)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of the rows; of a table all, up to fifty thousand."""
        self.get_page_size(request)  # a bound that is none is refused of a table, too
        self.is_table = request.accepted_renderer.format == TableRenderer.format
        if self.is_table:
            return list(queryset[:MOST_TABLE_ROWS])
        try:
            return list(super().paginate_queryset(queryset, request, view) or [])
        except (NotFound, InvalidValue, DataError, ValueError, OverflowError, TypeError):
            requested = request.query_params.get(self.cursor_query_param)
            expected = "expected that of `next` or `previous` of another page"
            raise ValidationError({"cursor": [f"cursor is {requested!r}; {expected}"]}) from None

    def decode_cursor(self, request: Request) -> Any:
        """Return where the page begins; what was not written as a cursor is none."""
        requested = request.query_params.get(self.cursor_query_param)
        if requested is not None:
            b64decode(requested, validate=True)
        return super().decode_cursor(request)

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the addresses of those beside it."""
        return Response(data) if self.is_table else super().get_paginated_response(data)
