"""The hours of the day, UTC: who is at their desk."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from ._keys import Switch, key


class Session(StrEnum):
    """A part of the trading day."""

    ASIA = "asia"  # 00 to 08
    EUROPE = "europe"  # 08 to 14
    OVERLAP = "overlap"  # 14 to 17: Europe and America
    AMERICA = "america"  # 17 to 21
    OFF = "off"  # 21 to 24


_UNTIL = ((8, Session.ASIA), (14, Session.EUROPE), (17, Session.OVERLAP), (21, Session.AMERICA), (24, Session.OFF))


def session_at(time: datetime) -> Session:
    """Return the session of a moment, which is aware and in UTC."""
    return next(session for until, session in _UNTIL if time.hour < until)


class Sessions(msgspec.Struct, frozen=True):
    """A multiplier for each session."""

    is_on: Switch = True
    asia: Annotated[float, key("multiplier from 00 to 08 UTC", ge=0, le=10)] = 1.0
    europe: Annotated[float, key("multiplier from 08 to 14 UTC", ge=0, le=10)] = 1.0
    overlap: Annotated[float, key("multiplier from 14 to 17 UTC", ge=0, le=10)] = 1.0
    america: Annotated[float, key("multiplier from 17 to 21 UTC", ge=0, le=10)] = 1.0
    off: Annotated[float, key("multiplier from 21 to 24 UTC", ge=0, le=10)] = 1.0

    def at(self, time: datetime) -> float:
        """Return the multiplier of a moment; 1 while the rule is off."""
        multiplier: float = getattr(self, session_at(time)) if self.is_on else 1.0
        return multiplier
