"""Secrets that a process may hold, and those it may not: no key to an exchange, and no secret that can be guessed.

Standard library and Django's exception alone: the launcher reads this before anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

LEAST_KEY = 32  # characters
LEAST_DIFFERENT = 8
LEAST_PASSWORD = 10
_EXCHANGES = "KRAKEN|BINANCE|BITFINEX|BITSTAMP|BITGET|BYBIT|COINBASE|CRYPTOCOM|DERIBIT|GATEIO|GEMINI|HUOBI|KUCOIN|OKX"
_EXCHANGE_KEY = re.compile(
    rf"(?:\w*(?:{_EXCHANGES})\w*_?(?:KEY|SECRET|PASSPHRASE|PASSWORD|OTP|PRIVATE)\w*|\w*API_?SECRET\w*)", re.IGNORECASE
)
_KNOWN = ("password", "passwort", "paddock", "postgres", "changeme", "change-me", "secret", "admin", "letmein")


def exchange_keys(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that look like a key to an exchange and hold something."""
    return sorted(name for name, value in environ.items() if value.strip() and _EXCHANGE_KEY.fullmatch(name))


def refuse_exchange_keys(environ: Mapping[str, str]) -> None:
    """Check that no key to an exchange is at hand: strategies run in these processes, and all money is paper.

    Raises:
        ImproperlyConfigured: it names the variables, never their values.
    """
    if names := exchange_keys(environ):
        raise ImproperlyConfigured(
            f"{', '.join(names)} in the environment: expected no key to an exchange, for Paddock trades paper money "
            f"and needs none; start it with `env {' '.join(f'-u {name}' for name in names)} …`"
        )


def refuse_weak_key(name: str, value: str) -> None:
    """Check a secret that signs sessions and links.

    Raises:
        ImproperlyConfigured: it can be guessed; the message does not hold it.
    """
    if len(value) < LEAST_KEY or len(set(value)) < LEAST_DIFFERENT or value.startswith("django-insecure"):
        raise ImproperlyConfigured(
            f"{name} has {len(value)} characters, {len(set(value))} different ones: expected at least {LEAST_KEY}, "
            f'{LEAST_DIFFERENT} different; `python3 -c "import secrets; print(secrets.token_urlsafe(50))"` makes one'
        )


def refuse_weak_password(name: str, url: str) -> None:
    """Check the password in the URL of a server that others reach, too.

    Raises:
        ImproperlyConfigured: it can be guessed; the message does not hold it.
    """
    parts = urlsplit(url)
    password = unquote(parts.password or "")
    if not password or (parts.hostname or "localhost") in {"localhost", "127.0.0.1", "::1"}:
        return
    if len(password) < LEAST_PASSWORD or password.casefold().strip("0123456789!.-_") in _KNOWN:
        raise ImproperlyConfigured(
            f"{name} has a password that can be guessed: expected at least {LEAST_PASSWORD} characters, no usual word"
        )
