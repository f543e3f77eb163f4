"""Writing what has happened. Each function is one fact: written whole, safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from portfolios import models
from portfolios.outbox.writing import orders_to_tell, tell_facts, write_new
from portfolios.rows import orders as order_rows
from portfolios.rows.equity_points import Mark, point_row
from portfolios.rows.indicators import shown_indicators
from portfolios.rows.orders import order_row, stored
from trading.accounting.ledger import ZERO, EntryKind, LedgerEntry, Party
from trading.accounting.positions import Position, RoundTrip, Tally
from trading.accounting.state import AccountState
from trading.engine import EngineState
from trading.fills import Fill
from trading.frames import utc
from trading.instruments import Instrument
from trading.orders import Order

if TYPE_CHECKING:
    from portfolios.rows.valuations import AccountLook

_INSTRUMENT_FIELDS = (
    *("fills", "volume", "fees", "interest", "realised", "realised_quote", "first_in_realised_quote"),
    *("round_trips", "wins", "won", "lost"),
)
_FILL_MARGIN_FEES = (EntryKind.OPENING_FEE, EntryKind.LIQUIDATION_FEE)


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
    marks: list[Mark] = field(default_factory=list)  # to keep as equity points
    reasons: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # (end of an hour in ns, totals then)
    indicators: Any = None  # as the strategy keeps them
    look: AccountLook | None = None  # None: less than a second after the last, or there is nothing to look at


@transaction.atomic
def record_updates(updates: list[AccountUpdate], instruments: Mapping[str, Instrument]) -> None:
    """Write orders, fills, ledger entries, positions, marks and cursors of many accounts as one fact.

    The stream is told of what is new. Safe to repeat after a crash: an id already written is skipped and not told
    again, a newer state replaces an older one.
    """
    fills = write_new(models.Fill, [row for u in updates for row in _fill_rows(u)], "fill_id")
    models.LedgerEntry.objects.bulk_create(
        [_entry_row(u.account_id, entry) for u in updates for entry in u.entries], ignore_conflicts=True
    )
    trips = write_new(models.RoundTrip, [_trip_row(u.account_id, trip) for u in updates for trip in u.trips], "trip_id")
    models.EquityPoint.objects.bulk_create(
        [point_row(u.account_id, mark) for u in updates for mark in u.marks], ignore_conflicts=True
    )
    orders = {
        (u.account_id, order.order_id): order_row(u.account_id, order, instruments)
        for u in updates
        for order in _orders_of(u)
    }
    changed = orders_to_tell([orders[u.account_id, order_id] for u in updates for order_id in u.orders])
    upsert(models.Order, list(orders.values()), ("account", "order_id"), order_rows.CHANGING)
    tell_facts(orders=changed, fills=fills, trips=trips)
    upsert(
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
    upsert(
        models.Balance,
        [
            models.Balance(
                account_id=u.account_id,
                currency=currency,
                amount=amount,
                owed=u.state.account.loans.get(currency, ZERO),
            )
            for u in changed
            for currency, amount in u.state.account.balances.items()  # what is lent has been held
        ],
        ("account", "currency"),
        ("amount", "owed"),
    )
    upsert(
        models.Position,
        [row for u in changed for row in position_rows(u.account_id, u.state.account, instruments)],
        ("account", "symbol"),
        ("qty", "average_price", "fees", "opened_at", "leverage", "margin", "borrowed", "mae", "mfe"),
    )
    upsert(
        models.InstrumentFigures,
        [_instrument_row(u.account_id, *figures) for u in changed for figures in u.state.account.tallies.items()],
        ("account", "symbol"),
        _INSTRUMENT_FIELDS,
    )
    upsert(
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
    """Write the leaderboard's rows, of the accounts that could be valued once."""
    valued = {u.account_id: values for u in updates if (values := standing_values(u)) is not None}
    changing = next((tuple(values) for values in valued.values()), ())
    rows = [models.Standing(account_id=account_id, **values) for account_id, values in valued.items()]
    upsert(models.Standing, rows, ("account",), changing)


def upsert(
    model: type[Model],
    rows: Sequence[Model],
    unique: tuple[str, ...],
    changing: tuple[str, ...],
) -> None:
    """Write rows; of those that are there by ``unique`` only ``changing`` is written."""
    if rows:
        model.objects.bulk_create(  # type: ignore[attr-defined]
            rows, update_conflicts=True, unique_fields=unique, update_fields=changing
        )


def _orders_of(update: AccountUpdate) -> Iterable[Order]:
    """Return the orders that changed; those that live with each checkpoint, trailing ones always: their price moves."""
    live = update.state.exchange.orders
    moving = {key: o for key, o in live.items() if update.checkpoint is not None or o.trail is not None}
    return {**moving, **update.orders}.values()


def _fill_rows(update: AccountUpdate) -> Iterable[models.Fill]:
    margin_fees: dict[str, Decimal] = {}
    for entry in update.entries:
        if entry.kind in _FILL_MARGIN_FEES and entry.party is Party.FEES:
            margin_fees[entry.fill_id] = margin_fees.get(entry.fill_id, ZERO) + entry.amount
    for fill in update.fills:
        order = update.orders.get(fill.order_id)
        leverage = order.leverage if order is not None else None
        yield _fill_row(update.account_id, fill, leverage, margin_fees.get(fill.fill_id, ZERO))


def _fill_row(account_id: int, fill: Fill, leverage: Decimal | None, margin_fee: Decimal) -> models.Fill:
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
        leverage=stored(leverage),
        margin_fee=margin_fee,
        quote=fill.quote,
        liquidity=fill.liquidity.value,
        result=stored(fill.result),
        reason=fill.reason[:300],
        signal_code=fill.code[:60],
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
        side=trip.side.value,
        qty=trip.qty,
        entry_price=stored(trip.entry_price),
        exit_price=stored(trip.exit_price),
        fees=stored(trip.fees),
        result=stored(trip.result),
        mae=stored(trip.mae),
        mfe=stored(trip.mfe),
        exit_code=trip.exit_code[:60],
        opened_at=utc(trip.opened_ns),
        closed_at=utc(trip.closed_ns),
        sequence=trip.sequence,
    )


def position_rows(
    account_id: int, account: AccountState, instruments: Mapping[str, Instrument]
) -> Iterable[models.Position]:
    """Return the rows of all positions, flat ones included; what a look at the market tells is left open."""
    for position in account.positions.values():
        instrument = instruments[position.symbol]
        qty = instrument.qty(position.lots)  # signed; the price is not
        yield models.Position(
            account_id=account_id,
            symbol=position.symbol,
            qty=qty,
            average_price=stored(position.cost / abs(qty)) if qty else Decimal(0),
            fees=stored(position.trip_fees),
            opened_at=utc(position.opened_ns) if qty else None,
            leverage=stored(_leverage(position)),
            margin=stored(position.margin),
            borrowed=stored(position.borrowed),
            mae=stored(position.mae) if qty else None,
            mfe=stored(position.mfe) if qty else None,
        )


def _leverage(position: Position) -> Decimal | None:
    """Return how many times its collateral was borrowed, over all its loans; None without any."""
    return sum((loan.cost for loan in position.loans), ZERO) / position.margin if position.margin else None


def _instrument_row(account_id: int, symbol: str, tally: Tally) -> models.InstrumentFigures:
    return models.InstrumentFigures(
        account_id=account_id,
        symbol=symbol,
        fills=tally.fills,
        volume=stored(tally.volume),
        fees=stored(tally.paid),
        interest=stored(tally.interest),
        realised=stored(tally.result),
        realised_quote=stored(tally.realised),
        first_in_realised_quote=stored(tally.first_in_realised),
        round_trips=tally.round_trips,
        wins=tally.wins,
        won=stored(tally.won),
        lost=stored(tally.lost),
    )


def standing_values(update: AccountUpdate) -> dict[str, Any] | None:
    """Return every column of the leaderboard's row but its account; None until the account could be valued once."""
    state = update.state
    figures, account = state.figures, state.account
    if figures.equity is None or figures.mid_equity is None:
        return None
    return {
        "equity": stored(figures.equity),
        "mid_equity": stored(figures.mid_equity),
        "realised": stored(account.realised),
        "unrealised": stored(figures.equity - figures.stake - account.realised),
        "stake": stored(figures.stake),
        "paid_in": stored(account.paid_in),
        "fees": stored(account.fees),
        "interest": stored(account.interest),
        "exposure": stored(figures.exposure),
        "short_exposure": stored(figures.short_exposure),
        "owed": stored(figures.owed),
        "used_margin": stored(figures.used_margin),
        "margin_level_pct": stored(figures.margin_level_pct),
        "call_level_pct": stored(figures.call_level_pct),
        "closing_level_pct": stored(figures.closing_level_pct),
        "is_called": account.is_called,
        "bankrupt_at": utc(account.bankrupt_ns) if account.bankrupt_ns else None,
        "peak_equity": stored(figures.peak_equity),
        "drawdown_pct": stored(figures.drawdown_pct),
        "max_drawdown_pct": stored(figures.max_drawdown_pct),
        "fills": figures.fills,
        "round_trips": account.round_trips,
        "wins": account.wins,
        "refusals": figures.refusals,
        "last_fill_at": utc(figures.last_fill_ns) if figures.last_fill_ns else None,
        "why": state.why,
        "indicators": shown_indicators(update.indicators),
        "indicators_at": utc(state.evaluated_ns) if state.evaluated_ns else None,
        "sequence": update.sequence,
        "as_of": utc(update.time_ns),
    }
