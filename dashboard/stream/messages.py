"""The messages of the stream, in both directions. Every message is a JSON object with a `type`."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from portfolios.models import MessageKind

VERSION = "v1"
MOST_CHARACTERS = 65_536  # of one message from a client
MOST_NAMES = 500
_PLACE = re.compile(r" - at `\$\.?([a-z_]*)")
_NAMED_FIELD = re.compile(r"(?:required|unknown) field `([^`]+)`")


class Channel(StrEnum):
    """What can be subscribed to."""

    LEAGUE = "league"  # state: the rows of the league table
    FILLS = "fills"  # facts: executions
    ORDERS = "orders"  # facts: orders, after each change
    ROUND_TRIPS = "round_trips"  # facts: positions from flat to flat
    EVENTS = "events"  # facts: errors, pauses, gaps, changes of a deployment
    PRICES = "prices"  # state: the best bid and ask of each instrument, and its last price
    FEED = "feed"  # state: the market data feed


CHANNEL_OF = {
    MessageKind.FILL: Channel.FILLS,
    MessageKind.ORDER: Channel.ORDERS,
    MessageKind.ROUND_TRIP: Channel.ROUND_TRIPS,
    MessageKind.EVENT: Channel.EVENTS,
}
FACTS = frozenset(CHANNEL_OF.values())
STATES = frozenset(Channel) - FACTS

Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=60)]], Meta(max_length=MOST_NAMES)]
Cursor = Annotated[str, Meta(max_length=60)]
Label = Annotated[str, Meta(max_length=100)]
Channels = Annotated[list[Channel], Meta(min_length=1, max_length=len(Channel))]


class ClientMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """A message of a client."""


class Subscribe(ClientMessage, frozen=True, tag="subscribe"):
    """Subscribe to channels, or change filters or starting point of a subscription."""

    channels: Channels  # some of those above
    deployments: Names | None = None  # only these slugs; null: all
    symbols: Names | None = None  # only facts and prices of these; messages without a symbol are always sent
    after: Cursor | None = None  # facts after this cursor; null: from now on


class Unsubscribe(ClientMessage, frozen=True, tag="unsubscribe"):
    """End the subscription to channels."""

    channels: Channels  # some of those above


class Ping(ClientMessage, frozen=True, tag="ping"):
    """Request a pong."""

    id: Label | None = None  # returned with the pong


def _like(path: str, kind: str = "object", *, but: str = "") -> Meta:
    description = f"as in {path}{', ' if but else ''}{but}"
    return Meta(extra_json_schema={"type": kind, "description": description})


# The same JSON as in the REST API.
Fill = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/fills/")]
Order = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/orders/", but="without waiting")]
RoundTrip = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/round_trips/")]
Event = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/events/")]
Row = Annotated[msgspec.Raw, _like("/api/v1/league/ (rows)", but="without window, rank_before and benchmark")]
Totals = Annotated[msgspec.Raw, _like("/api/v1/league/ (totals)", "array", but="without window")]
Feed = Annotated[msgspec.Raw, _like("/api/v1/feed/", but="without symbols, events and last_frame_age_s")]


class ServerMessage(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A message of the server."""


class Hello(ServerMessage, frozen=True, tag="hello"):
    """The first message of every connection."""

    version: str  # of this protocol
    season: int | None  # the number of the season that runs
    market: str | None  # kraken, simulated:SEED or recording:NAME:HASH
    cursor: str  # the stream's current position


class Subscribed(ServerMessage, frozen=True, tag="subscribed"):
    """The answer to `subscribe`; the requested messages follow."""

    channels: list[Channel]  # as requested
    cursor: str  # facts after this position follow


class Unsubscribed(ServerMessage, frozen=True, tag="unsubscribed"):
    """The answer to `unsubscribe`."""

    channels: list[Channel]  # as requested


class Pong(ServerMessage, frozen=True, tag="pong"):
    """The answer to `ping`."""

    id: str | None  # of the ping


class Heartbeat(ServerMessage, frozen=True, tag="heartbeat"):
    """Sent every ten seconds, and as soon as a subscriber has caught up."""

    cursor: str | None  # every requested fact up to this position has been sent; null: no facts requested
    time: datetime  # wall clock, UTC


class Gap(ServerMessage, frozen=True, tag="gap"):
    """Requested messages are no longer stored; the REST API still has the facts."""

    from_: str = field(name="from")  # cursor: messages after it are missing
    to: str  # cursor: missing up to and including this position


class Problem(Struct, frozen=True, kw_only=True):
    """Problem details as in RFC 9457."""

    title: str  # what kind of problem
    status: int  # the HTTP status code
    detail: str  # the given value, and what is valid
    type: str = "about:blank"  # URL that explains the kind, if there is one
    errors: dict[str, list[str]] = {}  # the same by field; `message` stands for the whole message


class Error(ServerMessage, frozen=True, tag="error"):
    """The client's message was rejected; the socket stays open, subscriptions are unchanged."""

    problem: Problem  # as below


class Fact(ServerMessage, frozen=True):
    """A fact, sent once; `cursor` is its position."""

    cursor: str  # give it as `after` to resume from here
    deployment: str  # its slug
    told_at: datetime  # wall clock, UTC


class FillMessage(Fact, frozen=True, tag="fill"):
    """An execution, whole or partial."""

    data: Fill  # as in `/api/v1/deployments/SLUG/fills/`


class OrderMessage(Fact, frozen=True, tag="order"):
    """An order after a change of its state, quantity or prices."""

    data: Order  # as in `/api/v1/deployments/SLUG/orders/`, without `waiting`


class RoundTripMessage(Fact, frozen=True, tag="round_trip"):
    """A position that was closed."""

    data: RoundTrip  # as in `/api/v1/deployments/SLUG/round_trips/`


class EventMessage(Fact, frozen=True, tag="event"):
    """An error, pause, data gap or change of the deployment."""

    data: Event  # as in `/api/v1/deployments/SLUG/events/`


class LeagueMessage(ServerMessage, frozen=True, tag="league"):
    """The league table: first the whole of it, then the rows that changed."""

    is_whole: bool  # true: earlier rows are gone; of a large league more rows follow in messages of their own
    season: int | None  # the number of the season that runs
    rows: list[Row]  # as in `/api/v1/league/`, without `window`, `rank_before` and `benchmark`
    gone: list[str]  # slugs no longer in the league
    totals: Totals  # always all, as in `/api/v1/league/` without `window`


class Price(Struct, frozen=True, kw_only=True):
    """The top of an instrument's book; prices are quote per base, exactly."""

    symbol: str  # BASE/QUOTE
    status: str  # of the instrument, or stale while its book is unknown
    bid: str | None  # null: unknown
    ask: str | None  # null: unknown
    last: str | None  # of the last trade


class PricesMessage(ServerMessage, frozen=True, tag="prices"):
    """Prices: first all of them, then those that changed."""

    is_whole: bool  # true: earlier symbols are gone; of many symbols more follow in messages of their own
    prices: list[Price]  # as below
    gone: list[str]  # symbols no longer in the feed


class FeedMessage(ServerMessage, frozen=True, tag="feed"):
    """Status of the market data feed; sent when it has changed."""

    data: Feed  # as in `/api/v1/feed/`, without symbols, events and the last frame's age


FACT_MESSAGES: dict[MessageKind, type[FillMessage | OrderMessage | RoundTripMessage | EventMessage]] = {
    MessageKind.FILL: FillMessage,
    MessageKind.ORDER: OrderMessage,
    MessageKind.ROUND_TRIP: RoundTripMessage,
    MessageKind.EVENT: EventMessage,
}
FROM_CLIENT = (Subscribe, Unsubscribe, Ping)
FROM_SERVER = (
    *(Hello, Subscribed, Unsubscribed, Pong, Heartbeat, Gap, Error),
    *(FillMessage, OrderMessage, RoundTripMessage, EventMessage, LeagueMessage, PricesMessage, FeedMessage),
)

_decoder = msgspec.json.Decoder(Subscribe | Unsubscribe | Ping)
_encoder = msgspec.json.Encoder()


class InvalidMessage(ValueError):
    """A client's message that is malformed or cannot be carried out."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    @property
    def problem(self) -> Problem:
        """The problem by field; the empty name stands for the message as a whole."""
        return Problem(
            title="Invalid message", status=400, detail=str(self), errors={self.field or "message": [str(self)]}
        )


def parsed(text: str) -> Subscribe | Unsubscribe | Ping:
    """Return a client's message.

    Raises:
        InvalidMessage: with the field, the given value, and what is valid.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidMessage("", f"the message has {len(text)} characters; expected at most {MOST_CHARACTERS}")
    try:
        request: Subscribe | Unsubscribe | Ping = _decoder.decode(text)
        return request
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidMessage("", f"the message is not JSON: {error}; expected an object with a type") from None


def encoded(message: ServerMessage) -> str:
    """Return the message as it is sent."""
    return _encoder.encode(message).decode()


def _invalid(reason: str) -> InvalidMessage:
    named, place = _NAMED_FIELD.search(reason), _PLACE.search(reason)
    name = named[1] if named else place[1] if place else ""
    expected = {
        "type": "; expected one of subscribe, unsubscribe, ping",
        "channels": f"; expected some of {', '.join(Channel)}",
        "after": "; expected the cursor of a message",
    }.get(name, "")
    return InvalidMessage(name, f"{name or 'message'}: {reason.partition(' - at ')[0]}{expected}")
