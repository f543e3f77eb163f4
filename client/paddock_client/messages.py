"""The stream's messages: facts, each once and with its cursor, and states, of which only the newest counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from paddock_client.accounts import Fill, Order, RoundTrip
from paddock_client.league import Event, Row, Totals
from paddock_client.markets import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The top of an instrument's book."""

    symbol: str
    status: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillMessage:
    """An execution."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMessage:
    """An order as it stands after a change."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripMessage:
    """A position that was closed."""

    cursor: str
    deployment: str
    told_at: datetime
    data: RoundTrip


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """An event of a deployment."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Messages between two cursors are not kept any more."""

    from_: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueMessage:
    """Rows of the league: all of them when it is whole, else those that changed."""

    is_whole: bool
    season: int | None
    rows: list[Row]
    gone: list[str]
    totals: list[Totals]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesMessage:
    """Prices: all of them when it is whole, else those that changed."""

    is_whole: bool
    prices: list[Price]
    gone: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMessage:
    """The figures of the feed."""

    data: Feed


Fact: TypeAlias = FillMessage | OrderMessage | RoundTripMessage | EventMessage
Message: TypeAlias = Fact | Gap | LeagueMessage | PricesMessage | FeedMessage
