"""The filters of lists. Times are aware; `since` is included, `until` is not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict


class When(TypedDict, total=False):
    """A time range."""

    since: datetime
    until: datetime


class WhichFills(When, total=False):
    """Which fills."""

    symbol: str
    side: str
    liquidity: str
    order_id: str
    signal_code: str


class WhichOrders(When, total=False):
    """Which orders."""

    symbol: str
    side: str
    type: str
    status: str
    purpose: str
    parent_id: str
    code: str
    signal_code: str


class WhichRoundTrips(When, total=False):
    """Which round trips."""

    symbol: str
    side: str
    exit_code: str


class WhichLedger(When, total=False):
    """Which postings."""

    currency: str
    kind: str
    party: str
    fill_id: str


class WhichCommands(When, total=False):
    """Which commands."""

    kind: str
    state: str


class WhichEvents(When, total=False):
    """Which events."""

    kind: str


class WhichMarketFills(When, total=False):
    """Which fills on an instrument."""

    deployment: str
    side: str
    liquidity: str


class WhichDeployments(TypedDict, total=False):
    """Which deployments."""

    status: str
    strategy: str
    symbol: str


def query(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were given, as text for an address.

    Raises:
        ValueError: a time without a zone: the server could only guess it.
    """
    given = {}
    for name, value in parameters.items():
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(f"{name} is {value.isoformat()}, without a zone; expected an aware time")
            given[name] = value.isoformat()
        elif value is not None:
            given[name] = value
    return given
