"""Which market this is and how well it is heard, in words that cannot be overlooked."""

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
    """How bad it is; never told by colour alone."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketWords:
    """What the banner says."""

    kind: str  # kraken, simulated, recording or none
    title: str
    note: str  # what to think of results made on it; empty for the real market
    tone: Tone
    state: str  # one or two words
    detail: str  # the sentence behind the state

    @property
    def is_real(self) -> bool:
        """True on Kraken's live market."""
        return self.kind == "kraken"


def market_words(season: Season | None, feed: Mapping[str, Any] | None) -> MarketWords:
    """Return what to say of the season's market and of the feed that brings it."""
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
            return "SIMULATED MARKET", f"Prices are made up (seed {rest}). Results say nothing about a real market."
        case "recording":
            return "RECORDING", f"A replay of {rest.rpartition(':')[0] or rest}. The market is not live."
        case "":
            return "No market", "No season runs yet; it begins with the first frame a worker sees."
    return kind.upper(), f"An unknown market: {kind}:{rest}"


def _connection(season: Season | None, feed: Mapping[str, Any] | None) -> tuple[Tone, str, str]:
    if feed is None:
        return Tone.BAD, "no feed", f"No feed is running: {START_A_FEED}."
    if season and feed["market"] != season.market:
        return Tone.BAD, "other market", f"The feed brings {feed['market']}, the season runs on {season.market}."
    if feed["finished"]:
        return Tone.WARNING, "finished", "The recording is at its end; nothing more will come."
    age_s = feed["last_frame_age_s"]
    if age_s is None:
        return Tone.WARNING, "waiting", "The feed runs, but no frame has come yet."
    if age_s > FRAME_STALE_S:
        return Tone.BAD, "stale", f"The last frame is {age_s:.0f} s old: nothing is traded on it."
    if not feed["connected"]:
        return Tone.BAD, "disconnected", "The feed has lost the exchange and is connecting again."
    if age_s > FRAME_LATE_S:
        return Tone.WARNING, "late", f"The last frame is {age_s:.0f} s old."
    if feed["system"] not in (None, "", "online"):
        return Tone.WARNING, str(feed["system"]).replace("_", " "), f"The exchange says it is {feed['system']}."
    return Tone.GOOD, "live", "Frames are coming in."
