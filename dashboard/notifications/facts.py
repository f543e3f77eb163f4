"""Events that rules can match, with the text of their message."""

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
    "disconnect": "Feed disconnected",
    "stale": "Market data stale",
    "frames_lost": "Frames lost",
    "gap": "Data gap",
    "connect": "Feed connected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event that a rule may match."""

    key: str
    kind: RuleKind
    title: str
    text: str = ""
    slug: str = ""  # of the deployment; empty: of all
    symbol: str = ""
    result: Decimal | None = None  # net P&L, account currency
    at: datetime | None = None  # wall clock; None: it is read as soon as it is there
    data: dict[str, Any] = field(default_factory=dict)

    def matches(self, rule: Rule) -> bool:
        """Return whether the rule asks for this event."""
        if rule.kind != self.kind or (self.at is not None and self.at < rule.since):
            return False
        if rule.deployments and self.slug and self.slug not in rule.deployments:
            return False
        if rule.symbols and self.symbol and self.symbol not in rule.symbols:
            return False
        return rule.least_result is None or (self.result is not None and abs(self.result) >= rule.least_result)


def event_of_message(written: StoredMessage, data: dict[str, Any]) -> Event | None:
    """Return the event of a message of the stream; None of what no rule asks for."""
    key = f"{written.kind}-{written.cursor.text}"
    common: dict[str, Any] = {"key": key, "slug": written.slug, "at": written.written_at, "data": data}
    if written.kind == MessageKind.FILL:
        return _fill(data, common)
    if written.kind == MessageKind.ROUND_TRIP:
        return _round_trip(data, common)
    if written.kind == MessageKind.EVENT and data["kind"] in _ERRORS | _PAUSES:
        kind = RuleKind.ERROR if data["kind"] in _ERRORS else RuleKind.PAUSE
        return Event(
            kind=kind, title=f"{written.slug}: {data['kind'].replace('_', ' ')}", text=data["summary"], **common
        )
    return None


def _fill(data: dict[str, Any], common: dict[str, Any]) -> Event:
    result = None if data["result"] is None else Decimal(data["result"])
    pnl = "" if result is None else f", P&L {result:+.2f}"
    return Event(
        kind=RuleKind.FILL,
        title=f"{common['slug']}: {data['side']} {data['qty']} {data['symbol']} at {data['price']}{pnl}",
        text=data["reason"],
        symbol=data["symbol"],
        result=result,
        **common,
    )


def _round_trip(data: dict[str, Any], common: dict[str, Any]) -> Event:
    result = Decimal(data["result"])
    side = "short" if data["side"] == "sell" else "long"
    exit_reason = f", exit reason {data['exit_code']}" if data["exit_code"] else ""
    return Event(
        kind=RuleKind.ROUND_TRIP,
        title=f"{common['slug']}: {side} {data['symbol']} closed, P&L {result:+.2f}",
        text=f"{data['qty']}, entry {data['entry_price']}, exit {data['exit_price']}{exit_reason}",
        symbol=data["symbol"],
        result=result,
        **common,
    )


def event_of_feed(event: FeedEvent) -> Event | None:
    """Return the event of a feed event; None of what needs no attention."""
    if event.kind not in _FEED:
        return None
    data = {"kind": event.kind, "symbol": event.symbol, "detail": event.detail, "time": event.time.isoformat()}
    return Event(
        key=f"feed-{event.pk}",
        kind=RuleKind.STALE_FEED,
        title=f"{_FEED[event.kind]}{f': {event.symbol}' if event.symbol else ''}",
        text=event.detail,
        symbol=event.symbol,
        data=data,
    )
