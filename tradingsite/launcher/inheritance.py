"""What each process is given of the launcher's environment: what it needs, and no secret of another's.

A worker runs strategies, which are other people's code: it has neither the key that signs sessions nor a password.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

# Where programs, their libraries, their language and their certificates are.
_SYSTEM = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TERM|NO_COLOR|COLUMNS|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHON\w*|"
    r"SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|COVERAGE_\w+"
)
# What differs between installations, secrets apart.
_SETTINGS = re.compile(
    r"PADDOCK_\w+|DJANGO_SETTINGS_MODULE|KRAKEN_WS_URL|KRAKEN_REST_URL|FEED_\w+|STRATEGY_PATHS|OTEL_\w+|PG\w+"
)
_PROXIES = re.compile(r"(?:https?|all|no)_proxy", re.IGNORECASE)
_SECRETS = re.compile(r"PADDOCK_(?:SECRET_KEY|ADMIN_PASSWORD|SMTP_USER|SMTP_PASSWORD|TOKEN)")
_MAIL = ("PADDOCK_SMTP_USER", "PADDOCK_SMTP_PASSWORD")

_SERVERS = frozenset({"postgres", "valkey"})
_MAY_HOLD: dict[str, tuple[str, ...]] = {
    "set-up": ("PADDOCK_ADMIN_PASSWORD",),
    "feed": (),
    "worker": (),
    "web": ("PADDOCK_SECRET_KEY", *_MAIL),
    "jobs": (),
    "notify": _MAIL,
    "beat": (),
}
_ASK_THROUGH_A_PROXY = frozenset({"feed", "jobs"})  # Kraken


def inherited(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the process ``name`` inherits; of a kind that is not known here, everything."""
    kind = re.sub(r"-\d+$", "", name)
    if kind in _SERVERS:
        return {key: value for key, value in environ.items() if _SYSTEM.fullmatch(key)}
    if kind not in _MAY_HOLD:
        return dict(environ)
    may_hold = _MAY_HOLD[kind]
    given = {key: value for key, value in environ.items() if _is_for(key, kind, may_hold)}
    if "PADDOCK_SECRET_KEY" not in may_hold:
        # It signs nothing here; without one the process would read that of the web site from its file.
        given["PADDOCK_SECRET_KEY"] = secrets.token_urlsafe(50)
    return given


def _is_for(key: str, kind: str, may_hold: tuple[str, ...]) -> bool:
    if _SECRETS.fullmatch(key):
        return key in may_hold
    is_proxy = kind in _ASK_THROUGH_A_PROXY and _PROXIES.fullmatch(key)
    return bool(is_proxy or _SYSTEM.fullmatch(key) or _SETTINGS.fullmatch(key))
