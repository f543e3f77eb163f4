"""The newest state of league, prices and feed, and what has changed since each version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from rest_framework.renderers import JSONRenderer

from dashboard.stream.messages import Channel, FeedMessage, LeagueMessage, Price, PricesMessage, encoded
from marketdata import bus
from marketdata.feed.health import connection_budget
from marketdata.serializers import FeedSerializer
from portfolios.selectors import current_season, league_totals
from strategies.league.board import league_board
from strategies.serializers.deployments import ContestantSerializer
from strategies.serializers.league import TotalsSerializer

# Symbols are sent as prices, events are in the REST API; an age changes with every reading.
MOST_BYTES = 200_000  # of rows in one message: many clients take no more than a megabyte
_NOT_OF_THE_FEED = {"symbols", "events", "last_frame_age_s"}
Rows = Mapping[str, bytes]  # JSON by slug or symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of a channel at one moment."""

    rows: Rows
    rest: tuple[int | None, bytes] = (None, b"[]")  # of the league: season and totals


@dataclass(slots=True)
class Board:
    """The newest state of one channel, and in which version each of its rows changed last."""

    channel: Channel
    version: int = 0
    state: State = field(default_factory=lambda: State(rows={}))
    _changed_in: dict[str, int] = field(default_factory=dict)
    _gone_in: dict[str, int] = field(default_factory=dict)
    _texts: dict[int, list[str]] = field(
        default_factory=dict
    )  # what has changed since a version, for those who want all

    def clear(self) -> None:
        """Forget the state: nobody follows it."""
        self.version, self.state = 0, State(rows={})
        for memory in (self._changed_in, self._gone_in, self._texts):
            memory.clear()

    def show(self, state: State) -> bool:
        """Take the state as it is now; return whether it differs from the one before."""
        before, fresh = self.state.rows, state.rows
        changed = [key for key, row in fresh.items() if before.get(key) != row]
        gone = [key for key in before if key not in fresh]
        if self.version and not changed and not gone and state.rest == self.state.rest:
            return False
        self.version += 1
        self.state = state
        self._changed_in |= dict.fromkeys(changed, self.version)
        self._gone_in |= dict.fromkeys(gone, self.version)
        for key in changed:
            self._gone_in.pop(key, None)
        self._texts.clear()
        return True

    def since(self, version: int, names: frozenset[str] | None) -> list[str]:
        """Return the messages of what changed since ``version`` (0: everything); ``names`` None: all rows."""
        if names is not None:
            return self._messages(version, names)
        if version not in self._texts:
            self._texts[version] = self._messages(version, None)
        return self._texts[version]

    def _messages(self, version: int, names: frozenset[str] | None) -> list[str]:
        def wanted(keys: Iterable[str]) -> Iterable[str]:
            return (key for key in keys if names is None or key in names)

        rows = [self.state.rows[key] for key in wanted(self.state.rows) if self._changed_in[key] > version]
        gone = [key for key in wanted(self._gone_in) if self._gone_in[key] > version] if version else []
        if self.channel is Channel.FEED:
            return [encoded(FeedMessage(data=msgspec.Raw(rows[0])))]
        first, *others = _packed(rows)
        return [self._message(first, gone, is_whole=not version), *(self._message(some, []) for some in others)]

    def _message(self, rows: list[bytes], gone: list[str], *, is_whole: bool = False) -> str:
        if self.channel is Channel.PRICES:
            prices = [msgspec.json.decode(row, type=Price) for row in rows]
            return encoded(PricesMessage(is_whole=is_whole, prices=prices, gone=gone))
        season, totals = self.state.rest
        return encoded(
            LeagueMessage(
                is_whole=is_whole,
                season=season,
                rows=[msgspec.Raw(row) for row in rows],
                gone=gone,
                totals=msgspec.Raw(totals),
            )
        )


def _packed(rows: Iterable[bytes]) -> list[list[bytes]]:
    """Return the rows in as few messages as hold them; one without rows where there are none."""
    messages: list[list[bytes]] = [[]]
    size = 0
    for row in rows:
        size += len(row)
        if messages[-1] and size > MOST_BYTES:
            messages.append([])
            size = len(row)
        messages[-1].append(row)
    return messages


def gather(channel: Channel) -> State:
    """Return the state of a channel as it is now."""
    return _GATHER[channel]()


class _StandingTotalsSerializer(TotalsSerializer):
    """Totals as they stand; a window's figures move with the clock."""

    window = None  # type: ignore[assignment]


def _league() -> State:
    season = current_season()
    board = league_board(season, bus.feed_state())
    totals = [{"standing": total} for total in league_totals(contestant.row for contestant in board)]
    return State(
        rows={row["slug"]: _json(row) for row in ContestantSerializer(board, many=True).data},
        rest=(season.number if season else None, _json(_StandingTotalsSerializer(totals, many=True).data)),
    )


def _prices() -> State:
    feed = bus.feed_state()
    fields = ("status", "bid", "ask", "last")
    symbols = feed["symbols"] if feed else {}
    return State(
        rows={
            symbol: msgspec.json.encode(Price(symbol=symbol, **{name: quote[name] for name in fields}))
            for symbol, quote in symbols.items()
        }
    )


def _feed() -> State:
    names = FeedSerializer().get_fields().keys()
    state = bus.feed_state()
    feed: dict[str, Any] = dict.fromkeys(names)
    feed |= {"connected": False, "connections": connection_budget(state)} | (state or {})
    sent = {name: feed[name] for name in names if name not in _NOT_OF_THE_FEED}
    return State(rows={"": _json(sent)})


_GATHER = {Channel.LEAGUE: _league, Channel.PRICES: _prices, Channel.FEED: _feed}
_json = partial(JSONRenderer().render)
