"""The events of a connection to the exchange: past facts, frozen."""

from __future__ import annotations

import msgspec

from trading.frames import History, Trade
from trading.instruments import Instrument


class InstrumentsChanged(msgspec.Struct, frozen=True):
    """Rules or statuses of watched pairs that are new, or differ from what we knew."""

    instruments: tuple[Instrument, ...]


class StatusChanged(msgspec.Struct, frozen=True):
    """The exchange's own state: online, maintenance, cancel_only, post_only."""

    system: str


class BookChanged(msgspec.Struct, frozen=True):
    """A book took a message whole, and its checksum held."""

    symbol: str


class BookLost(msgspec.Struct, frozen=True):
    """A book is no longer known; nothing may be traded on it until the next BookChanged."""

    symbol: str
    kind: str  # checksum, crossed, number, unsubscribed, silent, unreadable
    reason: str


class BookRequested(msgspec.Struct, frozen=True):
    """A lost book was requested again."""

    symbol: str


class TradeSeen(msgspec.Struct, frozen=True):
    """A public print that came for the first time.

    A late one came after newer ones, or after the fact: it fills no order.
    """

    trade: Trade
    is_late: bool = False


class TradesMissed(msgspec.Struct, frozen=True):
    """The ids jumped: these prints were made and did not come."""

    symbol: str
    first_id: int
    last_id: int


class TradesRepaired(msgspec.Struct, frozen=True):
    """The last hole in the ids was filled."""

    symbol: str


class TradesLost(msgspec.Struct, frozen=True):
    """A hole in the ids that will not be filled, and why."""

    symbol: str
    first_id: int
    last_id: int
    reason: str


class TradesRenumbered(msgspec.Struct, frozen=True):
    """The exchange counts a symbol's trades anew: more than one print says so, or REST does.

    Prints that came while it was open whether to believe them follow, as late ones.
    """

    symbol: str
    after_id: int  # the newest of the old count
    first_id: int
    is_backwards: bool  # ids are lower than before


class ConnectionQuiet(msgspec.Struct, frozen=True):
    """Nothing of use has come for seconds on an open connection, or something comes again."""

    is_quiet: bool


class ClockMeasured(msgspec.Struct, frozen=True):
    """How far the exchange's clock is ahead of the feed's."""

    ahead_ns: int


class SubscriptionSilent(msgspec.Struct, frozen=True):
    """A granted subscription is silent though other channels are not; it was requested again."""

    channel: str
    symbol: str
    reason: str


class HistoryReceived(msgspec.Struct, frozen=True):
    """Closed candles of one symbol and timeframe from before we watched."""

    history: History


class TickerSeen(msgspec.Struct, frozen=True):
    """A ticker message came; its figures repeat those of books and trades."""

    symbol: str


class Subscribed(msgspec.Struct, frozen=True):
    """The exchange granted a subscription."""

    channel: str
    symbol: str  # empty for channels without one


class SubscriptionRefused(msgspec.Struct, frozen=True):
    """The exchange will not send this; it reports it only once."""

    channel: str
    symbol: str
    error: str


class RequestRefused(msgspec.Struct, frozen=True):
    """An error that names no subscription of ours: too many messages, an unknown method."""

    error: str


class Heartbeat(msgspec.Struct, frozen=True):
    """The exchange is there and has nothing to send."""


class LagMeasured(msgspec.Struct, frozen=True):
    """How far the newest timestamp lay behind the time of receipt; measured about once a second."""

    lag_ns: int
    is_behind: bool = False  # messages arrive so late that nothing should be traded on them


class BadFrame(msgspec.Struct, frozen=True):
    """A message, or a part of one, that we could not understand or do not believe, and left out."""

    reason: str
    excerpt: str  # its beginning, printable
    symbol: str = ""  # whose it was, where that is known


MarketEvent = (
    InstrumentsChanged
    | StatusChanged
    | BookChanged
    | BookLost
    | BookRequested
    | TradeSeen
    | TradesMissed
    | TradesRepaired
    | TradesLost
    | TradesRenumbered
    | SubscriptionSilent
    | HistoryReceived
    | TickerSeen
    | Subscribed
    | SubscriptionRefused
    | RequestRefused
    | Heartbeat
    | LagMeasured
    | ConnectionQuiet
    | ClockMeasured
    | BadFrame
)
