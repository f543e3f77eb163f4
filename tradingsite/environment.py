"""Reading the environment: the one source of settings, rejected with a clear message when wrong."""

import os
import secrets
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

from tradingsite.installations import SERVICES_FILE
from tradingsite.launcher.keys import refuse_weak_key

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off", ""}


def flag(name: str, *, default: bool) -> bool:
    """Return the yes/no variable ``name``; unset means ``default``, empty means no."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in _YES:
        return True
    if value.strip().lower() in _NO:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: expected one of 1, true, yes, on, 0, false, no, off")


def whole_number(name: str, *, default: int, least: int = 0) -> int:
    """Return the integer variable ``name``, refused below ``least``."""
    value = os.environ.get(name, "").strip() or str(default)
    if not value.lstrip("-").isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}: expected a whole number of at least {least}")
    return int(value)


def choice(name: str, *, default: str, among: Sequence[str]) -> str:
    """Return the variable ``name``, refused unless it is one of ``among``; unset or empty means ``default``."""
    value = os.environ.get(name, "").strip() or default
    if value not in among:
        raise ImproperlyConfigured(f"{name} is {value!r}: expected one of {', '.join(among)}")
    return value


def words(name: str, *, default: str, separator: str = ",") -> list[str]:
    """Return the parts of the list variable ``name``, stripped, empty parts dropped."""
    return [part.strip() for part in os.environ.get(name, default).split(separator) if part.strip()]


def networks(name: str, *, default: str = "") -> list[IPv4Network | IPv6Network]:
    """Return the networks that the list variable ``name`` names; an address stands for itself."""
    try:
        return [ip_network(part) for part in words(name, default=default)]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} is {os.environ.get(name)!r}: expected addresses or networks such as 10.0.0.0/8, separated by "
            f"commas ({error})"
        ) from None


def services_of(data_dir: Path) -> dict[str, str]:
    """Return the DATABASE_URL, REDIS_URL and PADDOCK_URL of the launcher that runs on ``data_dir``, or nothing.

    This is how a process in a second terminal finds the embedded servers; which folder, `installations` says.
    """
    try:
        lines = (data_dir / SERVICES_FILE).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def database_from_url(url: str) -> dict[str, Any]:
    """Return Django's settings for a ``postgresql://`` URL, unix sockets (``?host=/dir``) included."""
    # Imported here: the launcher reads this module before anything needs a database.
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    shape = "postgresql://USER:PASSWORD@HOST:PORT/NAME or postgresql:///NAME?host=/SOCKET/DIRECTORY"
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"DATABASE_URL starts with {url.partition(':')[0]!r}: expected {shape}")
    try:
        parts: dict[str, Any] = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read ({str(error).strip()}): expected {shape}") from None
    if "dbname" not in parts:
        raise ImproperlyConfigured(f"DATABASE_URL names no database: expected {shape}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": str(parts.pop("host", "")),
        "PORT": str(parts.pop("port", "")),
        "OPTIONS": parts,
    }


def redis_url(url: str) -> str:
    """Return ``url`` as redis-py reads it; ``redis+socket:///PATH`` becomes ``unix:///PATH``."""
    parts = urlsplit(url)
    if parts.scheme in {"redis", "rediss"} and parts.hostname:
        return url
    if parts.scheme in {"unix", "redis+socket"} and parts.path.startswith("/"):
        query = parse_qs(parts.query)
        database = (query.get("db") or query.get("virtual_host") or ["0"])[0].strip("/")
        user = f"{parts.netloc}" if parts.netloc else ""
        return f"unix://{user}{parts.path}?{urlencode({'db': database})}"
    raise ImproperlyConfigured(
        f"REDIS_URL starts with {url.partition(':')[0]!r}: expected redis://HOST:PORT/0, rediss://… or unix:///SOCKET/PATH"
    )


def celery_broker_url(url: str) -> str:
    """Return the redis-py ``url`` as Celery's transport spells it."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?{urlencode({'virtual_host': database})}"


def secret_key(data_dir: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return PADDOCK_SECRET_KEY, else the key kept in ``data_dir``, made on first use."""
    if given := environ.get("PADDOCK_SECRET_KEY"):
        refuse_weak_key("PADDOCK_SECRET_KEY", given)
        return given
    path = data_dir / "secret_key"
    try:
        if path.exists():
            return _kept_key(path)
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written aside and linked: of two processes that start at once, one key wins for both.
        draft = data_dir / f".secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return _kept_key(path)
    except OSError as error:
        raise ImproperlyConfigured(
            f"no secret key can be kept in {path} ({error.strerror}): set PADDOCK_SECRET_KEY, or PADDOCK_DATA_DIR "
            "to a folder that can be written"
        ) from error


def _kept_key(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)  # copied about, perhaps: whoever reads it may sign sessions
    key = path.read_text().strip()
    if len(key) < 32:
        raise ImproperlyConfigured(
            f"the secret key in {path} is damaged ({len(key)} characters): delete the file to have a new one made; "
            "everyone then has to sign in again"
        )
    return key
