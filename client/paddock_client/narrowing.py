"""What lists can be narrowed by. Times are aware; `since` is included, `until` is not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict


class Of(TypedDict, total=False):
    """When it happened."""

    since: datetime
    until: datetime


class OfFills(Of, total=False):
    """Which fills."""

    symbol: str
    side: str
    liquidity: str
    order_id: str
    signal_code: str


class OfOrders(Of, total=False):
    """Which orders."""

    symbol: str
    side: str
    type: str
    status: str
    purpose: str
    parent_id: str
    code: str
    signal_code: str


class OfRoundTrips(Of, total=False):
    """Which round trips."""

    symbol: str
    side: str
    exit_code: str


class OfLedger(Of, total=False):
    """Which postings."""

    currency: str
    kind: str
    party: str
    fill_id: str


class OfEvents(Of, total=False):
    """Which events."""

    kind: str


class OfMarketFills(Of, total=False):
    """Which fills on an instrument."""

    deployment: str
    side: str
    liquidity: str


class OfDeployments(TypedDict, total=False):
    """Which deployments."""

    status: str
    strategy: str
    symbol: str


def asked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were given, as an address tells them.

    Raises:
        ValueError: a time without a zone: the server could only guess what was meant.
    """
    told = {}
    for name, value in parameters.items():
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(f"{name} is {value.isoformat()}, without a zone; expected an aware time")
            told[name] = value.isoformat()
        elif value is not None:
            told[name] = value
    return told
