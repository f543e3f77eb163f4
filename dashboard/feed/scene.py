"""Everything the feed page shows at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings

from dashboard.feed.trust import UNREPAIRED_MINUTES, TrustWords, trust_words
from dashboard.page.cached import cached
from dashboard.page.charts import DrawnBar, Span, Sparkline, drawn_bars, drawn_recordings, sparkline
from dashboard.page.scene import Quote, Scene, feed_time
from marketdata import bus, selectors
from marketdata.feed.health import connection_budget
from marketdata.feed.lag import HIGH_NS
from marketdata.feed_events import FeedEventKind
from marketdata.history.coverage_bars import CoverageChart, coverage_chart
from marketdata.models import FeedEvent
from marketdata.recording.folders import files_in, folder_of, read_index
from portfolios.selectors import current_season
from trading.candles import TIMEFRAME_MINUTES
from trading.frames import NS_PER_MS, utc

EVENTS_SHOWN = 100
COVERAGE_FOR_S = 60  # the charts are as old as that at most; a candle a minute hardly moves them
DEFAULT_TIMEFRAME = "1m"
LAG_LIMIT_MS = HIGH_NS // NS_PER_MS
_LAG_LEAST_TOP_MS = 100  # a quiet line stays low


class UnknownChoice(ValueError):
    """Not a kind of event, or not a timeframe."""


class FeedChoice(NamedTuple):
    """What a reader has chosen to see; every choice has its own address."""

    kind: str = ""  # of events; empty: all
    timeframe: str = DEFAULT_TIMEFRAME

    @property
    def query(self) -> str:
        """The choice as part of an address."""
        return f"?kind={self.kind}&timeframe={self.timeframe}"


class KindChoice(NamedTuple):
    """A kind of event that can be chosen."""

    name: str
    meaning: str
    seen: int | None  # since the feed started
    query: str
    is_chosen: bool


class TimeframeChoice(NamedTuple):
    """A timeframe that can be chosen."""

    name: str
    query: str
    is_chosen: bool


class SymbolLine(NamedTuple):
    """One symbol's line in the table."""

    quote: Quote
    trade_age_s: float | None
    resyncs: int | None
    gaps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageDrawing:
    """A chart with all that is on it."""

    chart: CoverageChart
    bars: list[DrawnBar]
    recordings: list[Span]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedScene(Scene):
    """The feed page."""

    choice: FeedChoice
    events: list[FeedEvent]
    unrepaired_gaps: int
    coverage: CoverageDrawing | None  # None: nothing is stored

    @property
    def trust(self) -> TrustWords:
        """The status line."""
        return trust_words(self.feed, self.unrepaired_gaps)

    @property
    def budget(self) -> dict[str, Any]:
        """Connection attempts used and allowed."""
        return connection_budget(dict(self.feed) if self.feed else None)

    @property
    def connected_since(self) -> datetime | None:
        """Wall clock; None without a connection."""
        if not self.feed or self.feed.get("connected_s") is None or not self.feed.get("started_at"):
            return None
        started = datetime.fromisoformat(self.feed["started_at"])
        return started + timedelta(seconds=self.feed["uptime_s"] - self.feed["connected_s"])

    @property
    def connected_percent(self) -> float | None:
        """Share of the uptime; never rounded up to all of it."""
        share = (self.feed or {}).get("connected_share")
        return None if share is None else int(share * 1_000) / 10

    @property
    def lag_line(self) -> Sparkline | None:
        """The last minutes' lag; None where nothing was measured."""
        history = ((self.feed or {}).get("lag_ms") or {}).get("history") or []
        if all(value is None for value in history):
            return None
        return sparkline(history, least_top=_LAG_LEAST_TOP_MS, limit=LAG_LIMIT_MS)

    @property
    def symbols(self) -> list[SymbolLine]:
        """The symbols, in the feed's order."""
        reported: Mapping[str, Any] = self.feed["symbols"] if self.feed else {}
        return [
            SymbolLine(
                quote,
                reported[quote.symbol]["trade_age_s"],
                reported[quote.symbol].get("resyncs"),
                reported[quote.symbol].get("gaps"),
            )
            for quote in self.quotes
        ]

    @property
    def kinds(self) -> list[KindChoice]:
        """The kinds of events that can be chosen."""
        counts = (self.feed or {}).get("event_counts") or {}
        return [
            KindChoice(
                k.value, k.meaning, counts.get(k.value), self.choice._replace(kind=k.value).query, self.choice.kind == k
            )
            for k in FeedEventKind
        ]

    @property
    def all_kinds_query(self) -> str:
        """The address that shows every event."""
        return self.choice._replace(kind="").query

    @property
    def timeframes(self) -> list[TimeframeChoice]:
        """The timeframes that can be chosen."""
        return [
            TimeframeChoice(name, self.choice._replace(timeframe=name).query, self.choice.timeframe == name)
            for name in TIMEFRAME_MINUTES
        ]


def feed_choice(kind: str, timeframe: str) -> FeedChoice:
    """Return the choice; an empty text stands for the default.

    Raises:
        UnknownChoice: there is no such kind or timeframe.
    """
    kinds = [known.value for known in FeedEventKind]
    if kind and kind not in kinds:
        raise UnknownChoice(f"kind is {kind!r}; expected one of {', '.join(kinds)}")
    if timeframe and timeframe not in TIMEFRAME_MINUTES:
        raise UnknownChoice(f"timeframe is {timeframe!r}; expected one of {', '.join(TIMEFRAME_MINUTES)}")
    return FeedChoice(kind, timeframe or DEFAULT_TIMEFRAME)


def feed_scene(choice: FeedChoice) -> FeedScene:
    """Return the feed as it is now."""
    season, feed = current_season(), bus.feed_state()
    market = feed["market"] if feed else (season.market if season else selectors.last_fed_market())
    clock = feed_time(feed)
    since = (clock or datetime.now(UTC)) - timedelta(minutes=UNREPAIRED_MINUTES)
    return FeedScene(
        season=season,
        feed=feed,
        choice=choice,
        events=list(selectors.recent_feed_events(market, EVENTS_SHOWN, kind=choice.kind or None)),
        unrepaired_gaps=selectors.unrepaired_gaps(market, since),
        coverage=cached(
            f"coverage:{market}:{choice.timeframe}",
            CoverageDrawing | None,
            partial(_coverage, market, choice.timeframe, clock),
            COVERAGE_FOR_S,
        ),
    )


def _coverage(market: str | None, timeframe: str, clock: datetime | None) -> CoverageDrawing | None:
    chart = coverage_chart(market, timeframe, until=clock) if market else None
    if chart is None or market is None:
        return None
    recordings = drawn_recordings(chart, _recorded(market))
    return CoverageDrawing(chart=chart, bars=drawn_bars(chart), recordings=recordings)


def _recorded(market: str) -> list[tuple[datetime, datetime]]:
    """Return start and end of each recording of ``market`` that has an index."""
    indexes = map(read_index, files_in(folder_of(settings.PADDOCK_DATA_DIR / "recordings", market)))
    return [(utc(index.started_ns), utc(index.ended_ns)) for index in indexes if index is not None]
