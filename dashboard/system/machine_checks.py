"""The doctor's checks of this machine: clock, proxies, disk and data folder."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from django.conf import settings

from dashboard.system import readings
from dashboard.system.findings import Finding, Verdict, fine
from dashboard.system.server_rules import CLOCK_OFF_S, DISK_OUT_BYTES, DISK_SHORT_BYTES, EXCHANGE_CLOCK_OFF_S
from marketdata import bus

ANSWER_WITHIN_S = 2.0
SLOW_DISK_S = 2.0
LEAST_FILES = 1_000  # that a disk has room for
DATA_FOLDER_DO = "make it writable, or set PADDOCK_DATA_DIR to a folder that is"
_TRIED_BYTES = 1 << 20
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "socks_proxy", "all_proxy")
_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}


def clock(check: str) -> Iterator[Finding]:
    """Compare this machine's clock with the database's, and with the exchange's where a feed has measured it."""
    ahead_s = readings.database().clock_ahead_s
    detail = f"{ahead_s:+.2f} s against the database"
    if abs(ahead_s) >= CLOCK_OFF_S:
        yield Finding(check, Verdict.WARN, detail, "synchronise both machines to a time server")
    else:
        yield fine(check, detail)
    offset_s = readings.clock_ahead_of_exchange_s(bus.feed_state())
    if offset_s is None:
        return
    detail = f"the feed's clock is {offset_s:+.2f} s against the exchange"
    if abs(offset_s) >= EXCHANGE_CLOCK_OFF_S:
        yield Finding(f"{check} of feed", Verdict.BAD, detail, "synchronise the feed's machine to a time server")
    else:
        yield fine(f"{check} of feed", detail)


def proxies(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the proxies that the environment names, by the variable that names each."""
    given = ((name, value.strip()) for name, value in environ.items() if name.lower() in _PROXY_VARIABLES)
    return {name: value for name, value in given if value}


def proxy(check: str) -> Iterator[Finding]:
    """Check that each proxy of the environment takes connections."""
    named = proxies()
    for name, url in named.items():
        parts = urlsplit(url if "://" in url else f"http://{url}")
        place = parts.netloc.rpartition("@")[2]  # without a password
        try:
            address = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80))
            socket.create_connection(address, ANSWER_WITHIN_S).close()
        except (OSError, ValueError) as error:
            why = "no answer" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or str(error)
            detail = f"{name} names {place}, which cannot be reached ({why})"
            yield Finding(
                check, Verdict.BAD if _needs_proxy() else Verdict.WARN, detail, f"correct {name}, or unset it"
            )
        else:
            yield fine(check, f"{name} names {place}, which takes connections")
    if not named:
        yield fine(check, "none is named in the environment")


def _needs_proxy() -> bool:
    return (bus.current_market() or "kraken").startswith("kraken")


def disk(check: str) -> Iterator[Finding]:
    """Check the room on the data folder's disk, for bytes and for files."""
    usage = readings.disk()
    detail = f"{usage.free_bytes / 1e9:.1f} GB of {usage.total_bytes / 1e9:.1f} GB free"
    if usage.free_files is not None and usage.free_files < LEAST_FILES:
        detail, do = f"room for {usage.free_files} more files", "delete files: the disk is out of inodes, not of bytes"
        yield Finding(check, Verdict.BAD, detail, do)
        return
    if usage.free_bytes >= DISK_SHORT_BYTES:
        yield fine(check, detail)
        return
    verdict = Verdict.BAD if usage.free_bytes < DISK_OUT_BYTES else Verdict.WARN
    yield Finding(check, verdict, detail, "delete old recordings, or lower PADDOCK_RECORDINGS_MAX_GB")


def data_folder(check: str) -> Iterator[Finding]:
    """Write a megabyte into the data folder, down to the disk: no space, not allowed and too slow are three things."""
    began_s = time.monotonic()
    with tempfile.TemporaryFile(dir=settings.PADDOCK_DATA_DIR) as file:
        file.write(bytes(_TRIED_BYTES))
        file.flush()
        os.fsync(file.fileno())
    took_s = time.monotonic() - began_s
    if took_s >= SLOW_DISK_S:
        detail = f"{settings.PADDOCK_DATA_DIR} is too slow: 1 MB took {took_s:.1f} s"
        yield Finding(check, Verdict.WARN, detail, "move it to a faster disk, or find what else writes there")
    else:
        yield fine(check, f"{settings.PADDOCK_DATA_DIR} is writable, 1 MB in {took_s:.2f} s")
