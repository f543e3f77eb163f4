"""What has happened, in words that fit a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from dashboard.notifications.models import Rule, RuleKind
from marketdata.models import FeedEvent
from portfolios.models import MessageKind
from portfolios.outbox.reading import StoredMessage

_ERRORS = {"error", "quarantined", "margin_call", "margin_restored", "liquidation", "bankrupt"}
_PAUSES = {"paused", "stopped", "flatten", "resumed"}
_FEED = {
    "disconnect": "The market is lost",
    "stale": "The market is stale",
    "frames_lost": "Frames were lost",
    "gap": "The market has a gap",
    "connect": "The market is heard again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One fact that somebody may want to know."""

    key: str
    kind: RuleKind
    title: str
    text: str = ""
    slug: str = ""  # of the deployment; empty: of all
    symbol: str = ""
    result: Decimal | None = None  # account currency
    at: datetime | None = None  # wall clock; None: it is read as soon as it is there
    data: dict[str, Any] = field(default_factory=dict)

    def interests(self, rule: Rule) -> bool:
        """Return whether the rule wants to know of it."""
        if rule.kind != self.kind or (self.at is not None and self.at < rule.since):
            return False
        if rule.deployments and self.slug and self.slug not in rule.deployments:
            return False
        if rule.symbols and self.symbol and self.symbol not in rule.symbols:
            return False
        return rule.least_result is None or (self.result is not None and abs(self.result) >= rule.least_result)


def told_by_message(written: StoredMessage, data: dict[str, Any]) -> Happening | None:
    """Return what a message of the stream says; None of what no rule asks for."""
    key = f"{written.kind}-{written.cursor.text}"
    common: dict[str, Any] = {"key": key, "slug": written.slug, "at": written.told_at, "data": data}
    if written.kind == MessageKind.FILL:
        return _fill(data, common)
    if written.kind == MessageKind.ROUND_TRIP:
        return _round_trip(data, common)
    if written.kind == MessageKind.EVENT and data["kind"] in _ERRORS | _PAUSES:
        kind = RuleKind.ERROR if data["kind"] in _ERRORS else RuleKind.PAUSE
        return Happening(
            kind=kind, title=f"{written.slug}: {data['kind'].replace('_', ' ')}", text=data["summary"], **common
        )
    return None


def _fill(data: dict[str, Any], common: dict[str, Any]) -> Happening:
    result = None if data["result"] is None else Decimal(data["result"])
    told = "" if result is None else f", result {result:+.2f}"
    return Happening(
        kind=RuleKind.FILL,
        title=f"{common['slug']}: {data['side']} {data['qty']} {data['symbol']} at {data['price']}{told}",
        text=data["reason"],
        symbol=data["symbol"],
        result=result,
        **common,
    )


def _round_trip(data: dict[str, Any], common: dict[str, Any]) -> Happening:
    result = Decimal(data["result"])
    side = "short" if data["side"] == "sell" else "long"
    return Happening(
        kind=RuleKind.ROUND_TRIP,
        title=f"{common['slug']}: {side} {data['symbol']} closed, result {result:+.2f}",
        text=f"{data['qty']} in at {data['entry_price']}, out at {data['exit_price']} {data['exit_code']}".strip(),
        symbol=data["symbol"],
        result=result,
        **common,
    )


def told_by_feed(event: FeedEvent) -> Happening | None:
    """Return what an event of the feed says; None of what is no trouble."""
    if event.kind not in _FEED:
        return None
    data = {"kind": event.kind, "symbol": event.symbol, "detail": event.detail, "time": event.time.isoformat()}
    return Happening(
        key=f"feed-{event.pk}",
        kind=RuleKind.STALE_FEED,
        title=f"{_FEED[event.kind]}{f': {event.symbol}' if event.symbol else ''}",
        text=event.detail,
        symbol=event.symbol,
        data=data,
    )
