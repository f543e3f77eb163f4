"""What is said on the stream, in both directions. Every message is a JSON object whose `type` says which it is."""

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
    ORDERS = "orders"  # facts: orders, each time as they stand after a change
    ROUND_TRIPS = "round_trips"  # facts: positions from flat to flat
    EVENTS = "events"  # facts: errors, pauses, gaps, changes of a deployment
    PRICES = "prices"  # state: the best bid and ask of each instrument, and its last price
    FEED = "feed"  # state: how the market is heard


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


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """A message of a client."""


class Subscribe(Said, frozen=True, tag="subscribe"):
    """Begin to tell these channels, or tell them anew with other filters or from another place."""

    channels: Channels  # some of those above
    deployments: Names | None = None  # only these slugs; null: all
    symbols: Names | None = None  # only facts and prices of these; what has no symbol is told all the same
    after: Cursor | None = None  # facts after this cursor; null: from now on


class Unsubscribe(Said, frozen=True, tag="unsubscribe"):
    """Tell these channels no more."""

    channels: Channels  # some of those above


class Ping(Said, frozen=True, tag="ping"):
    """Ask for a sign of life."""

    id: Label | None = None  # comes back with the pong


def _like(path: str, kind: str = "object", *, but: str = "") -> Meta:
    description = f"as {path} tells it{', ' if but else ''}{but}"
    return Meta(extra_json_schema={"type": kind, "description": description})


# What the REST API tells, word for word.
Fill = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/fills/")]
Order = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/orders/", but="without waiting")]
RoundTrip = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/round_trips/")]
Event = Annotated[msgspec.Raw, _like("/api/v1/deployments/SLUG/events/")]
Row = Annotated[msgspec.Raw, _like("/api/v1/league/ (rows)", but="without window, rank_before and benchmark")]
Totals = Annotated[msgspec.Raw, _like("/api/v1/league/ (totals)", "array", but="without window")]
Feed = Annotated[msgspec.Raw, _like("/api/v1/feed/", but="without symbols, events and last_frame_age_s")]


class Told(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A message of the server."""


class Hello(Told, frozen=True, tag="hello"):
    """The first message of every connection."""

    version: str  # of this protocol
    season: int | None  # the number of the season that runs
    market: str | None  # kraken, simulated:SEED or recording:NAME:HASH
    cursor: str  # the place that the stream has reached


class Subscribed(Told, frozen=True, tag="subscribed"):
    """The answer to `subscribe`; what was asked for follows."""

    channels: list[Channel]  # as they were asked for
    cursor: str  # facts after this place follow


class Unsubscribed(Told, frozen=True, tag="unsubscribed"):
    """The answer to `unsubscribe`."""

    channels: list[Channel]  # as they were asked for


class Pong(Told, frozen=True, tag="pong"):
    """The answer to `ping`."""

    id: str | None  # of the ping


class Heartbeat(Told, frozen=True, tag="heartbeat"):
    """A sign of life every ten seconds, and as soon as a subscriber has caught up."""

    cursor: str | None  # every fact asked for up to this place has been told; null: none was asked for
    time: datetime  # wall clock, UTC


class Gap(Told, frozen=True, tag="gap"):
    """Messages that were asked for are not kept any more; the REST API still has the facts."""

    from_: str = field(name="from")  # cursor: what came after it is missing
    to: str  # cursor: up to and including this place; it goes on after it


class Problem(Struct, frozen=True, kw_only=True):
    """Problem details as in RFC 9457."""

    title: str  # what kind of problem
    status: int  # as HTTP would tell it
    detail: str  # what was given, and what would have been right
    type: str = "about:blank"  # an address that explains the kind, where there is one
    errors: dict[str, list[str]] = {}  # the same by field; `message` is the whole of it


class Error(Told, frozen=True, tag="error"):
    """What was said could not be done; the socket stays open and goes on as before."""

    problem: Problem  # as below


class Fact(Told, frozen=True):
    """What became true. It is told once; `cursor` is its place."""

    cursor: str  # to be given as `after`, to go on from here
    deployment: str  # its slug
    told_at: datetime  # wall clock, UTC


class FillTold(Fact, frozen=True, tag="fill"):
    """An execution, whole or partial."""

    data: Fill  # as `/api/v1/deployments/SLUG/fills/` tells it


class OrderTold(Fact, frozen=True, tag="order"):
    """An order as it stands after a change of its state, quantity or prices."""

    data: Order  # as `/api/v1/deployments/SLUG/orders/` tells it, without what it is `waiting` for


class RoundTripTold(Fact, frozen=True, tag="round_trip"):
    """A position that was closed."""

    data: RoundTrip  # as `/api/v1/deployments/SLUG/round_trips/` tells it


class EventTold(Fact, frozen=True, tag="event"):
    """Something a reader of the deployment should know."""

    data: Event  # as `/api/v1/deployments/SLUG/events/` tells it


class LeagueTold(Told, frozen=True, tag="league"):
    """The league table: first the whole of it, then the rows that changed."""

    is_whole: bool  # true: rows that are not here are gone
    season: int | None  # the number of the season that runs
    rows: list[Row]  # as `/api/v1/league/` tells them, without `window`, `rank_before` and `benchmark`
    gone: list[str]  # slugs that are not in the league any more
    totals: Totals  # always all, as `/api/v1/league/` tells them without `window`


class Price(Struct, frozen=True, kw_only=True):
    """The top of an instrument's book; prices are quote per base, exactly."""

    symbol: str  # BASE/QUOTE
    status: str  # of the instrument, or stale while its book is not known
    bid: str | None  # null: not known
    ask: str | None  # null: not known
    last: str | None  # of the last trade


class PricesTold(Told, frozen=True, tag="prices"):
    """Prices: first all of them, then those that changed."""

    is_whole: bool  # true: symbols that are not here are gone
    prices: list[Price]  # as below
    gone: list[str]  # symbols that the feed does not carry any more


class FeedTold(Told, frozen=True, tag="feed"):
    """How the market is heard; told when it has changed."""

    data: Feed  # as `/api/v1/feed/` tells it, without symbols, events and the newest frame's age


FACT_TOLD: dict[MessageKind, type[FillTold | OrderTold | RoundTripTold | EventTold]] = {
    MessageKind.FILL: FillTold,
    MessageKind.ORDER: OrderTold,
    MessageKind.ROUND_TRIP: RoundTripTold,
    MessageKind.EVENT: EventTold,
}
SAID = (Subscribe, Unsubscribe, Ping)
TOLD = (
    *(Hello, Subscribed, Unsubscribed, Pong, Heartbeat, Gap, Error),
    *(FillTold, OrderTold, RoundTripTold, EventTold, LeagueTold, PricesTold, FeedTold),
)

_decoder = msgspec.json.Decoder(Subscribe | Unsubscribe | Ping)
_encoder = msgspec.json.Encoder()


class NotUnderstood(ValueError):
    """A client's message that says nothing that can be done."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field

    @property
    def problem(self) -> Problem:
        """What is wrong, by field; the empty name stands for the message as a whole."""
        return Problem(
            title="Not understood", status=400, detail=str(self), errors={self.field or "message": [str(self)]}
        )


def understood(text: str) -> Subscribe | Unsubscribe | Ping:
    """Return what a client says.

    Raises:
        NotUnderstood: with the field, what was given, and what would have been right.
    """
    if len(text) > MOST_CHARACTERS:
        raise NotUnderstood("", f"the message has {len(text)} characters; expected at most {MOST_CHARACTERS}")
    try:
        request: Subscribe | Unsubscribe | Ping = _decoder.decode(text)
        return request
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise NotUnderstood("", f"the message is no JSON: {error}; expected an object with a type") from None


def encoded(message: Told) -> str:
    """Return the message as it is sent."""
    return _encoder.encode(message).decode()


def _refusal(reason: str) -> NotUnderstood:
    named, place = _NAMED_FIELD.search(reason), _PLACE.search(reason)
    name = named[1] if named else place[1] if place else ""
    expected = {
        "type": "; expected one of subscribe, unsubscribe, ping",
        "channels": f"; expected some of {', '.join(Channel)}",
        "after": "; expected the cursor of a message",
    }.get(name, "")
    return NotUnderstood(name, f"{name or 'message'}: {reason.partition(' - at ')[0]}{expected}")
