"""Problem details as RFC 9457 has them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, instance: str, errors: Any = None) -> dict[str, Any]:
    """Return problem details; ``errors`` are sentences by field."""
    details = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    return {**details, "instance": instance, **({"errors": errors} if errors else {})}
