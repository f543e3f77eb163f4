"""Which format an answer has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class NamedFormats(DefaultContentNegotiation):
    """`?format=` names one that there is; anything else is refused by name."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        """Return the renderer and its media type.

        Raises:
            ValidationError: no such format.
        """
        renderers = list(renderers)
        known, requested = [renderer.format for renderer in renderers], request.query_params.get("format")
        if requested is not None and requested not in known:
            raise ValidationError(
                {"format": [f"format is {requested!r}; expected one of {', '.join(map(str, known))}"]}
            )
        return super().select_renderer(request, renderers, format_suffix)
