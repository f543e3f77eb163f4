"""Writing what has happened. Each function is one fact: written whole, safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portfolios import models
from portfolios.indicators import shown_indicators
from trading.account import AccountState, Worth
from trading.engine import EngineState
from trading.fills import Fill
from trading.frames import utc
from trading.instruments import Instrument
from trading.ledger import LedgerEntry
from trading.orders import Order
from trading.positions import RoundTrip

_STANDING_FIELDS = (
    *("equity", "mid_equity", "realised", "unrealised", "fees", "exposure", "peak_equity", "drawdown_pct"),
    *("max_drawdown_pct", "fills", "round_trips", "wins", "refusals", "last_fill_at", "why", "sequence", "as_of"),
    *("indicators", "indicators_at"),
)
_SEASON_LOCK = 7_001  # advisory: seasons begin and end one at a time


@dataclass(slots=True)
class AccountUpdate:
    """All that changed for one account since the last commit, up to and including ``sequence``."""

    account_id: int
    sequence: int
    time_ns: int
    state: EngineState
    checkpoint: bytes | None = None  # None: no facts since the stored one, which may stay
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)
    marks: list[tuple[int, Worth]] = field(default_factory=list)  # (time_ns, worth) to keep as equity points
    reasons: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # (end of an hour in ns, totals then)
    indicators: Any = None  # as the strategy keeps them


@transaction.atomic
def record_updates(updates: list[AccountUpdate], instruments: Mapping[str, Instrument]) -> None:
    """Write orders, fills, ledger entries, positions, marks and cursors of many accounts as one fact.

    Safe to repeat after a crash: an id already written is skipped, a newer state replaces an older one.
    """
    models.Fill.objects.bulk_create(
        [_fill_row(u.account_id, fill) for u in updates for fill in u.fills], ignore_conflicts=True
    )
    models.LedgerEntry.objects.bulk_create(
        [_entry_row(u.account_id, entry) for u in updates for entry in u.entries], ignore_conflicts=True
    )
    models.RoundTrip.objects.bulk_create(
        [_trip_row(u.account_id, trip) for u in updates for trip in u.trips], ignore_conflicts=True
    )
    models.EquityPoint.objects.bulk_create(
        [
            models.EquityPoint(account_id=u.account_id, time=utc(t), equity=w.equity, mid_equity=w.mid_equity)
            for u in updates
            for t, w in u.marks
        ],
        ignore_conflicts=True,
    )
    _upsert(
        models.Order,
        [_order_row(u.account_id, order, instruments) for u in updates for order in u.orders.values()],
        ("account", "order_id"),
        ("status", "qty", "filled_qty", "average_price", "code", "sentence", "updated_at"),
    )
    _upsert(
        models.ReasonCount,
        [
            models.ReasonCount(account_id=u.account_id, hour_end=utc(ns), counts=counts)
            for u in updates
            for ns, counts in u.reasons
        ],
        ("account", "hour_end"),
        ("counts",),
    )
    _record_holdings([u for u in updates if u.checkpoint is not None], instruments)
    _record_standings(updates)


def _record_holdings(changed: list[AccountUpdate], instruments: Mapping[str, Instrument]) -> None:
    _upsert(
        models.Balance,
        [
            models.Balance(account_id=u.account_id, currency=currency, amount=amount)
            for u in changed
            for currency, amount in u.state.account.balances.items()
        ],
        ("account", "currency"),
        ("amount",),
    )
    _upsert(
        models.Position,
        [row for u in changed for row in _position_rows(u.account_id, u.state.account, instruments)],
        ("account", "symbol"),
        ("qty", "average_price", "fees", "opened_at"),
    )
    _upsert(
        models.Checkpoint,
        [
            models.Checkpoint(
                account_id=u.account_id, sequence=u.sequence, payload=u.checkpoint, saved_at=timezone.now()
            )
            for u in changed
        ],
        ("account",),
        ("sequence", "payload", "saved_at"),
    )


def _record_standings(updates: list[AccountUpdate]) -> None:
    rows = [row for u in updates if (row := _standing_row(u)) is not None]
    _upsert(models.Standing, rows, ("account",), _STANDING_FIELDS)


def _upsert(
    model: type[models.models.Model],
    rows: Sequence[models.models.Model],
    unique: tuple[str, ...],
    changing: tuple[str, ...],
) -> None:
    if rows:
        model.objects.bulk_create(  # type: ignore[attr-defined]
            rows, update_conflicts=True, unique_fields=unique, update_fields=changing
        )


def _fill_row(account_id: int, fill: Fill) -> models.Fill:
    return models.Fill(
        account_id=account_id,
        fill_id=fill.fill_id,
        order_id=fill.order_id,
        symbol=fill.symbol,
        side=fill.side.value,
        qty=fill.qty,
        price=fill.price,
        cost=fill.cost,
        fee=fill.fee,
        quote=fill.quote,
        liquidity=fill.liquidity.value,
        result=_stored(fill.result),
        reason=fill.reason[:300],
        evidence=fill.evidence,
        sequence=fill.sequence,
        time=utc(fill.time_ns),
    )


def _entry_row(account_id: int, entry: LedgerEntry) -> models.LedgerEntry:
    return models.LedgerEntry(
        account_id=account_id,
        entry_id=entry.entry_id,
        party=entry.party.value,
        currency=entry.currency,
        amount=entry.amount,
        kind=entry.kind.value,
        fill_id=entry.fill_id,
        sequence=entry.sequence,
        time=utc(entry.time_ns),
    )


def _trip_row(account_id: int, trip: RoundTrip) -> models.RoundTrip:
    return models.RoundTrip(
        account_id=account_id,
        trip_id=trip.trip_id,
        symbol=trip.symbol,
        qty=trip.qty,
        entry_price=_stored(trip.entry_price),
        exit_price=_stored(trip.exit_price),
        fees=_stored(trip.fees),
        result=_stored(trip.result),
        opened_at=utc(trip.opened_ns),
        closed_at=utc(trip.closed_ns),
        sequence=trip.sequence,
    )


def _order_row(account_id: int, order: Order, instruments: Mapping[str, Instrument]) -> models.Order:
    instrument = instruments.get(order.symbol)

    def price(ticks: int | None) -> Decimal | None:
        return None if ticks is None or instrument is None else instrument.price(ticks)

    def qty(lots: int) -> Decimal:
        return Decimal(0) if instrument is None else instrument.qty(lots)

    filled = qty(order.filled_lots)
    return models.Order(
        account_id=account_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side.value,
        type=order.type.value,
        time_in_force=order.time_in_force.value,
        status=order.status.value,
        qty=qty(order.lots),
        filled_qty=filled,
        limit_price=price(order.limit_ticks),
        trigger_price=price(order.trigger_ticks),
        average_price=_stored(order.filled_cost / filled) if filled else None,
        is_post_only=order.is_post_only,
        is_reduce_only=order.is_reduce_only,
        purpose=order.purpose.value,
        reason=order.reason[:300],
        code=order.refusal.code if order.refusal else "",
        sentence=order.refusal.sentence[:500] if order.refusal else "",
        sequence=order.created_sequence,
        created_at=utc(order.created_ns),
        updated_at=utc(order.updated_ns),
    )


def _position_rows(
    account_id: int, account: AccountState, instruments: Mapping[str, Instrument]
) -> Iterable[models.Position]:
    for position in account.positions.values():
        instrument = instruments[position.symbol]
        qty = instrument.qty(position.lots)  # signed; the price is not
        yield models.Position(
            account_id=account_id,
            symbol=position.symbol,
            qty=qty,
            average_price=_stored(position.cost / abs(qty)) if qty else Decimal(0),
            fees=_stored(position.trip_fees),
            opened_at=utc(position.opened_ns) if qty else None,
        )


def _standing_row(update: AccountUpdate) -> models.Standing | None:
    """Return the leaderboard's row, None until the account could be valued once."""
    state = update.state
    figures, account = state.figures, state.account
    if figures.equity is None or figures.mid_equity is None:
        return None
    return models.Standing(
        account_id=update.account_id,
        equity=_stored(figures.equity),
        mid_equity=_stored(figures.mid_equity),
        realised=_stored(account.realised),
        unrealised=_stored(figures.equity - account.stake - account.realised),
        fees=_stored(account.fees),
        exposure=_stored(figures.exposure),
        peak_equity=_stored(figures.peak_equity),
        drawdown_pct=_stored(figures.drawdown_pct),
        max_drawdown_pct=_stored(figures.max_drawdown_pct),
        fills=figures.fills,
        round_trips=account.round_trips,
        wins=account.wins,
        refusals=figures.refusals,
        last_fill_at=utc(figures.last_fill_ns) if figures.last_fill_ns else None,
        why=state.why,
        indicators=shown_indicators(update.indicators),
        indicators_at=utc(state.asked_ns) if state.asked_ns else None,
        sequence=update.sequence,
        as_of=utc(update.time_ns),
    )


_STORED = Decimal("1e-18")


def _stored(number: Decimal | None) -> Decimal | None:
    """Return a derived figure at the precision of its column; ledger amounts are exact and never pass here."""
    return None if number is None else number.quantize(_STORED)


@transaction.atomic
def ensure_season(*, market: str, name: str, liquidity: str = "") -> models.Season:
    """Return the running season of ``market``; end one of another market and begin the next if need be.

    Markets never mix in a season. The ended season keeps all its rows; its accounts are closed.
    One that begins without a word on ``liquidity`` takes over that of the season before it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEASON_LOCK])
    current = models.Season.objects.filter(ended_at=None).first()
    if current is not None and current.market == market:
        return current
    if current is not None:
        end_season(season=current, at=timezone.now())
    last = models.Season.objects.order_by("-number").first()
    return models.Season.objects.create(
        number=last.number + 1 if last else 1,
        name=name,
        market=market,
        liquidity=liquidity or (last.liquidity if last else settings.PADDOCK_LIQUIDITY),
    )


def end_season(*, season: models.Season, at: datetime) -> None:
    """Archive a season: it stops, its accounts close, nothing is deleted."""
    models.Account.objects.filter(season=season, closed_at=None).update(closed_at=at)
    models.Season.objects.filter(pk=season.pk).update(ended_at=at)
