"""Answers that ask nothing of anybody: to requests that never reach a page, for whatever reason."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from tradingsite.rest.details import MEDIA_TYPE, problem

API = "/api/"
RETRY_AFTER_S = 5
MOST_BODY_BYTES = 1_048_576  # of a request; nothing is uploaded anywhere
TOO_LARGE = f"the body is too large; expected at most {MOST_BODY_BYTES} bytes"
Headers = list[tuple[bytes, bytes]]

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="dark light"><title>{title} · Paddock</title>
</head>
<body><main><h1>{title}</h1><p>{detail}.</p><p><a href="/">Go to the league</a></p></main></body>
</html>
"""


def refusal(status: int, detail: str, path: str) -> tuple[Headers, bytes]:
    """Return headers and body: problem details for a program, a page for a person. ``detail`` is our own text."""
    if path.startswith(API):
        body, media_type = msgspec.json.encode(problem(status, detail, path)), MEDIA_TYPE
    else:
        sentence = detail[:1].upper() + detail[1:]
        page = _PAGE.format(title=HTTPStatus(status).phrase, detail=sentence)
        body, media_type = page.encode(), "text/html; charset=utf-8"
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    return headers, body
