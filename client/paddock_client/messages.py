"""What the stream tells: facts, each once and with its place, and states, of which only the newest counts."""

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
class FillTold:
    """An execution."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTold:
    """An order as it stands after a change."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripTold:
    """A position that was closed."""

    cursor: str
    deployment: str
    told_at: datetime
    data: RoundTrip


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTold:
    """Something a reader of a deployment should know."""

    cursor: str
    deployment: str
    told_at: datetime
    data: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Messages between two places are not kept any more."""

    from_: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueTold:
    """Rows of the league: all of them when it is whole, else those that changed."""

    is_whole: bool
    season: int | None
    rows: list[Row]
    gone: list[str]
    totals: list[Totals]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesTold:
    """Prices: all of them when it is whole, else those that changed."""

    is_whole: bool
    prices: list[Price]
    gone: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTold:
    """How the market is heard."""

    data: Feed


Fact: TypeAlias = FillTold | OrderTold | RoundTripTold | EventTold
Message: TypeAlias = Fact | Gap | LeagueTold | PricesTold | FeedTold
