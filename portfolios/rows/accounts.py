"""The first pass: an account's facts become rows. Pure: nothing is read and nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any

from django.db.models import Model

from portfolios import models
from portfolios.models.columns import stored
from portfolios.rows.equity_points import point_row
from portfolios.rows.indicators import shown_indicators
from portfolios.rows.orders import order_row
from portfolios.rows.updates import AccountUpdate
from trading.accounting.ledger import ZERO, EntryKind, LedgerEntry, Party
from trading.accounting.positions import Position, RoundTrip, Tally
from trading.accounting.state import AccountState
from trading.bounds import most_frequent
from trading.fills import Fill
from trading.frames import utc
from trading.instruments import Instrument
from trading.orders import Order

_FILL_MARGIN_FEES = (EntryKind.OPENING_FEE, EntryKind.LIQUIDATION_FEE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one account's update, by table."""

    fills: list[models.Fill]
    entries: list[models.LedgerEntry]
    trips: list[models.RoundTrip]
    points: list[models.EquityPoint]
    orders: list[models.Order]
    changed: list[models.Order]  # those of `orders` that changed; the others only follow the market
    reasons: list[models.ReasonCount]
    standings: list[models.Standing]  # none until the account could be valued once
    # With a checkpoint only:
    balances: list[models.Balance] = field(default_factory=list)
    positions: list[models.Position] = field(default_factory=list)
    instruments: list[models.InstrumentFigures] = field(default_factory=list)
    checkpoints: list[models.Checkpoint] = field(default_factory=list)

    def all(self) -> Iterable[Model]:
        """Return every row, table by table."""
        return chain(
            *(self.fills, self.entries, self.trips, self.points, self.orders, self.reasons, self.standings),
            *(self.balances, self.positions, self.instruments, self.checkpoints),
        )


def rows_of(update: AccountUpdate, instruments: Mapping[str, Instrument]) -> Rows:
    """Return the rows that ``update`` becomes."""
    account_id, account = update.account_id, update.state.account
    orders = {order.order_id: order_row(account_id, order, instruments) for order in _orders_of(update)}
    standing = standing_values(update)
    held: dict[str, Any] = {}
    if update.checkpoint is not None:
        held = {
            "balances": _balance_rows(account_id, account),
            "positions": list(position_rows(account_id, account, update.state.instruments(instruments))),
            "instruments": [_instrument_row(account_id, *figures) for figures in account.tallies.items()],
            "checkpoints": [
                models.Checkpoint(account_id=account_id, sequence=update.sequence, payload=update.checkpoint)
            ],
        }
    return Rows(
        fills=list(_fill_rows(update)),
        entries=[_entry_row(account_id, entry) for entry in update.entries],
        trips=[_trip_row(account_id, trip) for trip in update.trips],
        points=[point_row(account_id, mark) for mark in update.marks],
        orders=list(orders.values()),
        changed=[orders[order_id] for order_id in update.orders],
        reasons=[
            models.ReasonCount(account_id=account_id, hour_end=utc(ns), counts=most_frequent(counts))
            for ns, counts in update.reasons
        ],
        standings=[] if standing is None else [models.Standing(account_id=account_id, **standing)],
        **held,
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


def _balance_rows(account_id: int, account: AccountState) -> list[models.Balance]:
    return [
        models.Balance(account_id=account_id, currency=currency, amount=amount, owed=account.loans.get(currency, ZERO))
        for currency, amount in account.balances.items()  # what is lent has been held
    ]


def position_rows(
    account_id: int, account: AccountState, instruments: Mapping[str, Instrument]
) -> Iterable[models.Position]:
    """Return the rows of all positions, flat ones included; the columns of a valuation are left empty."""
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
        "why": most_frequent(state.why),
        "indicators": shown_indicators(update.indicators),
        "indicators_at": utc(state.evaluated_ns) if state.evaluated_ns else None,
        "sequence": update.sequence,
        "as_of": utc(update.time_ns),
    }
