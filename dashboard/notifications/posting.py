"""One POST to a receiver that may be hostile.

Its name is resolved once and the connection goes to what was resolved, so that a name cannot stand for another address
a moment later. Neither a proxy nor a certificate store of the environment is used, no redirect is followed, no body is
read, and all of it together, resolution included, ends after ten seconds.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from queue import Empty, SimpleQueue
from socket import SOCK_STREAM, gaierror, getaddrinfo
from typing import NamedTuple

import httpx

from dashboard.notifications.addresses import is_allowed

DEADLINE_S = 10.0
MOST_ADDRESSES = 3  # of those a name resolves to
_PORTS = {"http": 80, "https": 443}


class NotReached(Exception):
    """The receiver did not answer; the message says at which step, without any word of the receiver's."""


class NotAllowed(Exception):
    """The receiver is on this machine or in a private network."""


class Answer(NamedTuple):
    """What a receiver answered."""

    status: int
    retry_after: str

    @property
    def words(self) -> str:
        """The status in the words of the standard; what the receiver calls it is not shown."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)


def post(url: str, body: bytes, headers: Mapping[str, str], *, is_trusted: bool = False) -> Answer:
    """Send the body once. A ``trusted`` receiver is one that the settings name: it may be anywhere.

    Raises:
        NotAllowed: the receiver is on this machine or in a private network.
        NotReached: no answer within the deadline.
        httpx.InvalidURL: the URL makes no sense.
    """
    ends_s = time.monotonic() + DEADLINE_S
    target = httpx.URL(url)
    host = target.raw_host.decode("ascii")
    resolved = _resolved(host, target.port or _PORTS.get(target.scheme, 0), ends_s)
    addresses = [address for address in resolved if is_trusted or is_allowed(address)]
    if not addresses:
        raise NotAllowed(
            f"{host} is {resolved[0]}: expected an address outside this machine and private networks; "
            "PADDOCK_NOTIFY_NETWORKS allows others"
        )
    return asyncio.run(_post(target, addresses[:MOST_ADDRESSES], body, headers, ends_s))


async def _post(
    target: httpx.URL, addresses: list[str], body: bytes, headers: Mapping[str, str], ends_s: float
) -> Answer:
    host = target.raw_host.decode("ascii")
    own = {**headers, "Host": target.netloc.decode("ascii")}
    said = "no address"
    try:
        async with (
            asyncio.timeout(max(0.0, ends_s - time.monotonic())),
            httpx.AsyncClient(verify=_tls(), trust_env=False, follow_redirects=False, timeout=DEADLINE_S) as client,
        ):
            for address in addresses:
                request = client.build_request(
                    "POST", target.copy_with(host=address), content=body, headers=own, extensions={"sni_hostname": host}
                )
                try:
                    answer = await client.send(request, stream=True)
                except httpx.ConnectError:
                    said = "ConnectError"
                    continue
                await answer.aclose()  # its body is not read: the connection ends here
                return Answer(answer.status_code, answer.headers.get("Retry-After", ""))
    except TimeoutError:
        said = f"no answer within {DEADLINE_S:.0f} s"
    except httpx.HTTPError as error:
        said = type(error).__name__
    raise NotReached(said)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the context of all connections; to make one takes longer than to use it."""
    return httpx.create_ssl_context(trust_env=False)


def _resolved(host: str, port: int, ends_s: float) -> list[str]:
    """Return the addresses of a host. Asked in a thread that is left behind when it does not come back."""
    found: SimpleQueue[list[str] | None] = SimpleQueue()

    def resolve() -> None:
        try:
            entries = getaddrinfo(host, port, type=SOCK_STREAM)
        except (gaierror, UnicodeError, OSError):
            found.put(None)
        else:
            found.put(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    try:
        addresses = found.get(timeout=max(0.0, ends_s - time.monotonic()))
    except Empty:
        raise NotReached(f"its name was not resolved within {DEADLINE_S:.0f} s") from None
    if not addresses:
        raise NotReached("its name cannot be resolved")
    return addresses
