"""Whether the market data can be trusted now, in one sentence for somebody who has just been woken up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashboard.page.banner import FRAME_LATE_S, FRAME_STALE_S, START_A_FEED, Tone

HEARTBEAT_LATE_S = 5  # the exchange sends one a second
UNREPAIRED_MINUTES = 15  # a gap that is older shows in the coverage alone

WAIT = "nothing at once: it is asked for anew by itself; if that lasts minutes, read the feed's log"


class Reason(NamedTuple):
    """One thing that speaks against it."""

    tone: Tone
    sentence: str
    do: str = ""  # an imperative; empty where the sentence says it


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustWords:
    """What the feed page says first."""

    tone: Tone
    answer: str  # a word or two
    sentence: str  # the weightiest reason
    also: tuple[str, ...]  # the other reasons, by weight
    do: str = ""  # about the weightiest


def trust_words(feed: Mapping[str, Any] | None, unrepaired_gaps: int = 0) -> TrustWords:
    """Return what to say of a feed; the newest ``unrepaired_gaps`` are those of the last minutes."""
    reasons = list(_reasons(feed, unrepaired_gaps))
    if not reasons:
        return TrustWords(tone=Tone.GOOD, answer="Trust it", sentence=_praise(feed or {}), also=())
    head = next((reason for reason in reasons if reason.tone is Tone.BAD), reasons[0])
    answer = "Do not trust it" if head.tone is Tone.BAD else "Trust it with care"
    also = tuple(reason.sentence for reason in reasons if reason is not head)
    return TrustWords(tone=head.tone, answer=answer, sentence=head.sentence, also=also, do=head.do)


def _praise(feed: Mapping[str, Any]) -> str:
    lag_ms = (feed.get("lag_ms") or {}).get("newest")
    on_time = "" if lag_ms is None else ", and what is heard comes in time"
    return f"The feed is connected, every book is verified{on_time}."


def _reasons(feed: Mapping[str, Any] | None, unrepaired_gaps: int) -> Iterator[Reason]:
    """Yield what speaks against it, the weightiest first."""
    if feed is None:
        yield Reason(Tone.BAD, f"No feed is running, so nothing here is current: {START_A_FEED}.")
        return
    if feed["finished"]:
        yield Reason(Tone.WARNING, "The recording is at its end; prices stand still, and nothing more will come.")
        return
    yield from _connection_reasons(feed)
    if feed["connected"]:
        yield from _book_reasons(feed)
        yield from _time_reasons(feed)
    if unrepaired_gaps:
        gaps, are = ("A gap", "is") if unrepaired_gaps == 1 else (f"{unrepaired_gaps} gaps", "are")
        when = f"of the last {UNREPAIRED_MINUTES} minutes"
        yield Reason(
            Tone.WARNING,
            f"{gaps} {when} {are} not repaired: candles may lack trades.",
            "manage.py backfill brings what can be brought",
        )


def _connection_reasons(feed: Mapping[str, Any]) -> Iterator[Reason]:
    age_s = feed["last_frame_age_s"]
    if not feed["connected"]:
        yield Reason(
            Tone.BAD,
            "The feed has lost the exchange and is connecting again; prices stand still.",
            "wait a minute; if it lasts, see whether this machine reaches the exchange: manage.py doctor",
        )
    if age_s is None:
        yield Reason(Tone.WARNING, "The feed runs, but no frame has come yet.")
    elif age_s > FRAME_STALE_S:
        yield Reason(
            Tone.BAD,
            f"The last frame is {age_s:.0f} s old: nobody hears the market.",
            "read the feed's log, and start the feed anew if it says nothing",
        )
    elif age_s > FRAME_LATE_S:
        yield Reason(Tone.WARNING, f"The last frame is {age_s:.0f} s old.")
    if feed.get("system") not in (None, "", "online"):
        yield Reason(
            Tone.WARNING,
            f"The exchange says it is {str(feed['system']).replace('_', ' ')}.",
            "wait: the exchange says when it is over",
        )


def _book_reasons(feed: Mapping[str, Any]) -> Iterator[Reason]:
    symbols: Mapping[str, Any] = feed["symbols"]
    stale = [symbol for symbol, quote in symbols.items() if quote["status"] == "stale"]
    halted = [f"{s} is {q['status']}" for s, q in symbols.items() if q["status"] not in ("stale", "online")]
    if stale and len(stale) == len(symbols):
        yield Reason(Tone.BAD, "No order book is verified: nothing is traded on them.", WAIT)
    elif stale:
        yield Reason(Tone.WARNING, f"No verified order book of {_listed(stale)}; the others can be trusted.", WAIT)
    if halted:
        yield Reason(Tone.WARNING, f"{_listed(halted)} at the exchange.")


def _time_reasons(feed: Mapping[str, Any]) -> Iterator[Reason]:
    lag = feed.get("lag_ms") or {}
    if lag.get("is_high"):
        newest = lag.get("newest")
        how = "late" if newest is None else f"{newest / 1_000:.1f} s late"
        yield Reason(
            Tone.BAD,
            f"What is heard comes {how}: prices are old although they move.",
            "see whether this machine or its line is overloaded",
        )
    heartbeat_s = feed.get("heartbeat_age_s")
    if heartbeat_s is not None and heartbeat_s > HEARTBEAT_LATE_S:
        yield Reason(
            Tone.WARNING, f"The exchange's last heartbeat is {heartbeat_s:.0f} s old; one a second is due.", WAIT
        )


def _listed(names: list[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
