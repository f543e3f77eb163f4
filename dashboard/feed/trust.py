"""Market data status in one sentence, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashboard.page.banner import FRAME_LATE_S, FRAME_STALE_S, START_A_FEED, Tone

HEARTBEAT_LATE_S = 5  # the exchange sends one a second
UNREPAIRED_MINUTES = 15  # a gap that is older shows in the coverage alone

WAIT = "wait: it is requested again automatically; if it lasts minutes, read the feed's log"


class Reason(NamedTuple):
    """One problem of the market data."""

    tone: Tone
    sentence: str
    do: str = ""  # an imperative; empty where the sentence already says it


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustWords:
    """The status line of the feed page."""

    tone: Tone
    answer: str  # a word or two
    sentence: str  # the most serious reason
    also: tuple[str, ...]  # the other reasons, by weight
    do: str = ""  # about the most serious


def trust_words(feed: Mapping[str, Any] | None, unrepaired_gaps: int = 0) -> TrustWords:
    """Return the status of a feed; ``unrepaired_gaps`` counts those of the last minutes."""
    reasons = list(_reasons(feed, unrepaired_gaps))
    if not reasons:
        return TrustWords(tone=Tone.GOOD, answer="Market data OK", sentence=_all_clear(feed or {}), also=())
    head = next((reason for reason in reasons if reason.tone is Tone.BAD), reasons[0])
    answer = "Market data down" if head.tone is Tone.BAD else "Market data degraded"
    also = tuple(reason.sentence for reason in reasons if reason is not head)
    return TrustWords(tone=head.tone, answer=answer, sentence=head.sentence, also=also, do=head.do)


def _all_clear(feed: Mapping[str, Any]) -> str:
    lag_ms = (feed.get("lag_ms") or {}).get("newest")
    lag = "" if lag_ms is None else f", lag {lag_ms:,.0f} ms"
    return f"Feed connected, all order books verified{lag}."


def _reasons(feed: Mapping[str, Any] | None, unrepaired_gaps: int) -> Iterator[Reason]:
    """Yield the problems, most serious first."""
    if feed is None:
        yield Reason(Tone.BAD, f"No feed running, no current data: {START_A_FEED}.")
        return
    if feed["finished"]:
        yield Reason(Tone.WARNING, "Recording finished: no more data.")
        return
    yield from _connection_reasons(feed)
    if feed["connected"]:
        yield from _book_reasons(feed)
        yield from _time_reasons(feed)
    if unrepaired_gaps:
        gaps = "1 data gap" if unrepaired_gaps == 1 else f"{unrepaired_gaps} data gaps"
        when = f"in the last {UNREPAIRED_MINUTES} minutes"
        yield Reason(
            Tone.WARNING,
            f"{gaps} {when} not repaired: candles may miss trades.",
            "run manage.py backfill to load what the exchange still has",
        )


def _connection_reasons(feed: Mapping[str, Any]) -> Iterator[Reason]:
    age_s = feed["last_frame_age_s"]
    if not feed["connected"]:
        yield Reason(
            Tone.BAD,
            "Feed disconnected, reconnecting; prices are not updating.",
            "wait a minute; if it lasts, check the connection to the exchange with manage.py doctor",
        )
    if age_s is None:
        yield Reason(Tone.WARNING, "Feed running, no frames received yet.")
    elif age_s > FRAME_STALE_S:
        yield Reason(
            Tone.BAD,
            f"Last frame is {age_s:.0f} s old: no market data.",
            "read the feed's log; restart the feed if the log shows no cause",
        )
    elif age_s > FRAME_LATE_S:
        yield Reason(Tone.WARNING, f"Last frame is {age_s:.0f} s old.")
    if feed.get("system") not in (None, "", "online"):
        yield Reason(
            Tone.WARNING,
            f"Exchange status: {str(feed['system']).replace('_', ' ')}.",
            "wait until the exchange is online again",
        )


def _book_reasons(feed: Mapping[str, Any]) -> Iterator[Reason]:
    symbols: Mapping[str, Any] = feed["symbols"]
    stale = [symbol for symbol, quote in symbols.items() if quote["status"] == "stale"]
    halted = [f"{s} is {q['status']}" for s, q in symbols.items() if q["status"] not in ("stale", "online")]
    if stale and len(stale) == len(symbols):
        yield Reason(Tone.BAD, "No verified order books: nothing is traded.", WAIT)
    elif stale:
        yield Reason(Tone.WARNING, f"Order book of {_listed(stale)} not verified; all others OK.", WAIT)
    if halted:
        yield Reason(Tone.WARNING, f"{_listed(halted)} at the exchange.")


def _time_reasons(feed: Mapping[str, Any]) -> Iterator[Reason]:
    lag = feed.get("lag_ms") or {}
    if lag.get("is_high"):
        newest = lag.get("newest")
        behind = "behind" if newest is None else f"{newest / 1_000:.1f} s behind"
        yield Reason(
            Tone.BAD,
            f"Market data is {behind}: prices move, but late.",
            "check this machine's CPU and network load",
        )
    clock = feed.get("clock") or {}
    if clock.get("is_wrong"):
        behind_s = clock.get("behind_s") or 0.0
        direction = "behind" if behind_s > 0 else "ahead of"
        is_corrected = abs(clock.get("corrected_s") or 0.0) > 1.0
        corrected = " Candles are cut on corrected time." if is_corrected else ""
        yield Reason(
            Tone.WARNING,
            f"This machine's clock is wrong by {abs(behind_s):.1f} s: {direction} the exchange's.{corrected}",
            "set the clock of the machine that runs the feed, best by NTP",
        )
    heartbeat_s = feed.get("heartbeat_age_s")
    if heartbeat_s is not None and heartbeat_s > HEARTBEAT_LATE_S:
        yield Reason(Tone.WARNING, f"Last exchange heartbeat is {heartbeat_s:.0f} s old; expected every second.", WAIT)


def _listed(names: list[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
