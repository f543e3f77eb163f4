"""The kinds of feed events: all there are. To add one: a line here, and the migration that the choices need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FeedEventKind(StrEnum):
    """What a feed event is; `meaning` is the line that pages, admin and API show."""

    meaning: str

    def __new__(cls, name: str, meaning: str = "") -> FeedEventKind:
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.meaning = meaning
        return kind

    CONNECT = "connect", "The feed reached its source; every book begins anew."
    DISCONNECT = "disconnect", "The feed lost its source; the market is stale until it is back."
    RESYNC = "resync", "A book was dropped and requested again: its checksum, a crossing, a number or silence."
    GAP = "gap", "Trades or time that the feed did not see; the detail names ids and count."
    REPAIR = "repair", "A gap was filled over REST."
    STALE = "stale", "A symbol or channel is silent though it should not be."
    LAG = "lag", "Messages began to arrive late, or arrive in time again."
    STATUS = "status", "The exchange or an instrument changed its status."
    REFUSED = "refused", "The exchange refused a subscription or a request."
    BAD_FRAME = "bad_frame", "A message could not be understood and was left out."
    RECORDING = "recording", "The recording is not whole."
    STANDBY = "standby", "A feed waits beside another, takes over, or hands over."
    FRAMES_LOST = "frames_lost", "Frames were not published: Redis was away too long, or refused them."
    CLOCK = "clock", "This machine's clock differs from the exchange's, or is right again."
    LATE = "late", "Trades came after their minute had closed."


@dataclass(frozen=True, slots=True)
class Incident:
    """One feed event to be kept."""

    time_ns: int  # the market's clock
    kind: FeedEventKind
    symbol: str  # empty: of all
    detail: str
    count: int = 1  # how often it happened
    until_ns: int = 0  # the last time; 0: it happened once
