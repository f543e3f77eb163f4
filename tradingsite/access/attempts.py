"""Growing pauses after failed logins, by user and by address.

An attempt is counted before the password is looked at: of a hundred that are sent at once only the first few are
checked. What is refused during a pause is not counted, so that nobody can lock another out for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from tradingsite.models import LoginPause

FORGOTTEN_AFTER = timedelta(days=1)  # without another failure
_SHOWN = 60


class Paused(Exception):
    """Too many attempts have failed; the password was not looked at."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many failed logins: the next attempt is possible in {wait_s:.0f} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Kind:
    """What is counted, and how its pauses grow: doubling from two seconds after some failures that are free."""

    name: str
    free: int
    longest_s: int


# A whole office may share an address: it has more that are free.
ADDRESS = Kind("address", free=12, longest_s=900)
USER = Kind("user", free=4, longest_s=300)
CODE = Kind("code", free=4, longest_s=900)  # the second factor has only a million values

_COUNT = """
    INSERT INTO tradingsite_loginpause AS known (key, failures, until, last_at) VALUES (%(key)s, 1, %(now)s, %(now)s)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN known.last_at < %(forgotten)s THEN 1 ELSE known.failures + 1 END,
        until = %(now)s + make_interval(secs => CASE
            WHEN known.last_at < %(forgotten)s OR known.failures < %(free)s THEN 0
            ELSE LEAST(%(longest_s)s, power(2, LEAST(known.failures + 1 - %(free)s, 20))) END),
        last_at = %(now)s
    WHERE known.until <= %(now)s
    RETURNING failures
"""


def count(kind: Kind, who: str, *, now: datetime | None = None) -> None:
    """Count an attempt as failed until it is forgiven.

    Raises:
        Paused: it is too early for one.
    """
    at = now or timezone.now()
    key = key_of(kind, who)
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "key": key,
                "now": at,
                "forgotten": at - FORGOTTEN_AFTER,
                "free": kind.free,
                "longest_s": kind.longest_s,
            },
        )
        if cursor.fetchone() is not None:
            return
    until = LoginPause.objects.filter(key=key).values_list("until", flat=True).first() or at
    raise Paused(max(1.0, (until - at).total_seconds()))


def forgive(kind: Kind, who: str) -> None:
    """Take back what was counted of a user who came in; of an address only this one attempt: others use it, too."""
    found = LoginPause.objects.filter(key=key_of(kind, who))
    if kind is ADDRESS:
        found.update(failures=Greatest(F("failures") - 1, 0), until=timezone.now())
    else:
        found.delete()


def forget_old() -> int:
    """Remove what has been quiet for a day; return how many."""
    return LoginPause.objects.filter(last_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]


def key_of(kind: Kind, who: str) -> str:
    """Return under which key attempts are counted; of IPv6 a whole network, for one person has all of it."""
    if kind is ADDRESS:
        try:
            address = ip_address(who)
        except ValueError:
            return f"address:{who[:_SHOWN]}"
        is_wide = isinstance(address, IPv6Address) and address.ipv4_mapped is None
        return f"address:{ip_network((address, 64), strict=False) if is_wide else address}"
    # Nobody's name is too long, and what a stranger types into the field is not kept.
    return f"{kind.name}:{sha256(who.casefold().encode()).hexdigest()[:32]}"
