"""The banner: which market this is, and the status of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portfolios.models import Season

FRAME_LATE_S = 2
FRAME_STALE_S = 10
START_A_FEED = "start one with manage.py run_feed, or everything with python3 start.py"


class Tone(StrEnum):
    """How bad it is; never shown by colour alone."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketWords:
    """The banner's texts."""

    kind: str  # kraken, simulated, recording or none
    title: str
    note: str  # what results on this market are worth; empty for the real market
    tone: Tone
    state: str  # one or two words
    detail: str  # the sentence behind the state

    @property
    def is_real(self) -> bool:
        """True on Kraken's live market."""
        return self.kind == "kraken"


def market_words(season: Season | None, feed: Mapping[str, Any] | None) -> MarketWords:
    """Return the texts for the season's market and its feed."""
    market = season.market if season else (feed or {}).get("market", "")
    kind, _, rest = (market or "").partition(":")
    tone, state, detail = _connection(season, feed)
    title, note = _title(kind, rest)
    return MarketWords(kind=kind or "none", title=title, note=note, tone=tone, state=state, detail=detail)


def _title(kind: str, rest: str) -> tuple[str, str]:
    match kind:
        case "kraken":
            return "Kraken live", ""
        case "simulated":
            return "SIMULATED MARKET", f"Generated prices (seed {rest}). Results do not apply to a real market."
        case "recording":
            return "RECORDING", f"Replay of {rest.rpartition(':')[0] or rest}. Not a live market."
        case "":
            return "No market", "No season running; it starts with the first frame a worker receives."
    return kind.upper(), f"Unknown market: {kind}:{rest}"


def _connection(season: Season | None, feed: Mapping[str, Any] | None) -> tuple[Tone, str, str]:
    if feed is None:
        return Tone.BAD, "no feed", f"No feed running: {START_A_FEED}."
    if season and feed["market"] != season.market:
        return Tone.BAD, "other market", f"Feed market is {feed['market']}, season market is {season.market}."
    if feed["finished"]:
        return Tone.WARNING, "finished", "Recording finished: no more data."
    age_s = feed["last_frame_age_s"]
    if age_s is None:
        return Tone.WARNING, "waiting", "Feed running, no frames received yet."
    if age_s > FRAME_STALE_S:
        return Tone.BAD, "stale", f"Last frame is {age_s:.0f} s old: nothing is traded."
    if not feed["connected"]:
        return Tone.BAD, "disconnected", "Feed disconnected, reconnecting."
    if age_s > FRAME_LATE_S:
        return Tone.WARNING, "late", f"Last frame is {age_s:.0f} s old."
    if feed["system"] not in (None, "", "online"):
        return Tone.WARNING, str(feed["system"]).replace("_", " "), f"Exchange status: {feed['system']}."
    return Tone.GOOD, "live", "Receiving frames."
