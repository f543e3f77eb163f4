"""The lender's watch over an account that owes: it warns, and in the end it closes positions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from trading.accounting.account import Account
from trading.accounting.margin import MarginEvent, MarginEventKind, MarginStanding, binding
from trading.accounting.positions import Position
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order, OrderStatus, Purpose, Refusal
from trading.recount import decimals_of
from trading.signals import OrderType
from trading.venue import VenueReport

_ENDED = Refusal("liquidation", "the exchange closes positions: the account no longer secures what it owes")


class Closer(Protocol):
    """The exchange, as far as its lender needs it."""

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """The orders that may still be filled, by id."""

    def end(self, order: Order, report: VenueReport, snapshot: MarketSnapshot, refusal: Refusal) -> None:
        """Cancel a live order for the reason given."""

    def force(self, order: Order, report: VenueReport, snapshot: MarketSnapshot) -> None:
        """Execute an order of the exchange's own at once."""


def watch_margin(
    slug: str, account: Account, exchange: Closer, report: VenueReport, snapshot: MarketSnapshot
) -> list[MarginEvent]:
    """Call margin, close positions, or declare the account bankrupt, as the account stands now.

    Positions are closed whole, by market orders, the one that binds most margin first,
    until the margin is restored; what the visible book cannot absorb goes on in the
    next frame, as does what cannot be traded now. Nothing is done while a price is unknown.
    """
    standing = account.buying_power.standing(snapshot)
    if standing is None:
        return []
    state, events = account.state, []
    if standing.is_called(account.terms) and not state.is_called and not state.bankrupt_ns:
        state.is_called = True
        events.append(_event(MarginEventKind.CALL, standing, snapshot))
    tried: set[str] = set()
    while _is_failing(standing, account):
        position = _next(account, snapshot, tried)
        if position is None:
            break
        tried.add(position.symbol)
        events.append(_event(MarginEventKind.LIQUIDATION, standing, snapshot, position.symbol))
        _end_requested(exchange, report, snapshot)
        exchange.force(_closing(slug, position, account, snapshot), report, snapshot)
        after = account.buying_power.standing(snapshot)
        assert after is not None, "what had a price has one still"
        standing = after
    is_open = any(account.buying_power.closable_lots(position, snapshot) for position in state.positions.values())
    if standing.equity < 0 and not state.bankrupt_ns and not is_open:
        state.bankrupt_ns = snapshot.time_ns
        events.append(_event(MarginEventKind.BANKRUPT, standing, snapshot))
    if state.is_called and not standing.is_called(account.terms):
        state.is_called = False
        events.append(_event(MarginEventKind.RESTORED, standing, snapshot))
    return events


def _is_failing(standing: MarginStanding, account: Account) -> bool:
    return standing.equity < 0 or standing.is_stopped(account.terms)


def _next(account: Account, snapshot: MarketSnapshot, tried: set[str]) -> Position | None:
    """Return the tradable position that binds most margin, of equals the first by name.

    What was bought with own money goes last, when no loan of a position is left and less
    than nothing is there: selling it frees no margin.
    """
    positions = binding(account.state.positions) or list(account.state.positions.values())
    found: tuple[Decimal, str] | None = None
    for position in positions:
        if position.symbol in tried or not account.buying_power.closable_lots(position, snapshot):
            continue
        if not snapshot.is_tradable(position.symbol):
            continue
        rate = mid_rate(snapshot, position.quote, account.state.currency)
        assert rate is not None, "the standing is known"
        key = (-position.margin * rate, position.symbol)
        found = key if found is None else min(found, key)
    return None if found is None else account.state.positions[found[1]]


def _closing(slug: str, position: Position, account: Account, snapshot: MarketSnapshot) -> Order:
    return Order(
        order_id=f"{slug}:{snapshot.sequence}:liquidation-{position.symbol}",
        symbol=position.symbol,
        side=Side.SELL if position.lots > 0 else Side.BUY,
        type=OrderType.MARKET,
        purpose=Purpose.LIQUIDATION,
        lots=account.buying_power.closable_lots(position, snapshot),
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=snapshot.time_ns,
        is_reduce_only=True,
        status=OrderStatus.OPEN,
        updated_ns=snapshot.time_ns,
        reason="liquidation",
        code="liquidation",
        decimals=decimals_of(snapshot.instrument(position.symbol)),
    )


def _end_requested(exchange: Closer, report: VenueReport, snapshot: MarketSnapshot) -> None:
    """End every live order but the exits that the exchange keeps with a position."""
    for order in list(exchange.open_orders.values()):
        if order.purpose in (Purpose.ENTRY, Purpose.EXIT):
            exchange.end(order, report, snapshot, _ENDED)


def _event(kind: MarginEventKind, standing: MarginStanding, snapshot: MarketSnapshot, symbol: str = "") -> MarginEvent:
    return MarginEvent(
        kind=kind,
        equity=standing.equity,
        used_margin=standing.used,
        level_pct=standing.level_pct,
        symbol=symbol,
        sequence=snapshot.sequence,
        time_ns=snapshot.time_ns,
    )
