"""Valuations of open positions and orders, once a second: they do not change, the market does."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from portfolios import models
from portfolios.models.columns import stored
from portfolios.rows.accounts import position_rows
from portfolios.rows.bulk import upsert
from portfolios.rows.updates import AccountValuation
from trading.accounting.liquidation_price import liquidation_price
from trading.engine import Engine
from trading.exchange.waiting import Waiting, waiting
from trading.fills import plain
from trading.frames import utc
from trading.market_snapshot import MarketSnapshot

_POSITION_FIELDS = ("mae", "mfe", "mark_price", "unrealised", "liquidation_price", "as_of")


def valuation_of(account_id: int, engine: Engine, snapshot: MarketSnapshot) -> AccountValuation:
    """Return how the account stands as of ``snapshot``, which its engine has processed."""
    rows = list(position_rows(account_id, engine.account.state, engine.state.instruments(snapshot.instruments)))
    for row in rows:
        row.as_of = utc(snapshot.time_ns)
        if row.qty:
            _mark(row, engine, snapshot)
    waits = {
        order_id: _as_json(waiting(order, engine.requests, snapshot, engine.model))
        for order_id, order in engine.open_orders.items()
    }
    return AccountValuation(account_id, snapshot.time_ns, rows, waits)


def _mark(row: models.Position, engine: Engine, snapshot: MarketSnapshot) -> None:
    figures = engine.account.figures_of(row.symbol, snapshot)
    top = snapshot.top_or_none(row.symbol)
    if top is not None and top.bids and top.asks:
        twice = snapshot.instrument(row.symbol).price(top.bids[0].ticks + top.asks[0].ticks)
        row.mark_price = stored(twice / 2)
    row.unrealised = stored(figures.unrealised) if figures is not None else None
    row.liquidation_price = stored(liquidation_price(engine.account, row.symbol, snapshot))


def _as_json(waiting: Waiting) -> dict[str, Any]:
    return {
        "waits_for": waiting.waits_for.value,
        "distance_bps": _plain(waiting.distance_bps),
        "queue_ahead": _plain(waiting.queue_ahead),
        "printed": plain(waiting.printed),
        "printed_at": _moment(waiting.printed_ns),
        "since": _moment(waiting.since_ns),
        "until": _moment(waiting.until_ns),
        "status": waiting.status,
        "system": waiting.system,
        "is_post_only": waiting.is_post_only,
        "is_being_cancelled": waiting.is_being_cancelled,
    }


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _moment(time_ns: int) -> str | None:
    return utc(time_ns).isoformat().replace("+00:00", "Z") if time_ns else None


def record_valuations(valuations: Sequence[AccountValuation]) -> None:
    """Write valuations; to be called in the transaction that writes the standings."""
    positions = [row for valuation in valuations for row in valuation.positions]
    upsert(models.Position, positions, ("account", "symbol"), _POSITION_FIELDS)
    upsert(
        models.OpenOrders,
        [
            models.OpenOrders(account_id=each.account_id, waiting=each.waiting, as_of=utc(each.time_ns))
            for each in valuations
        ],
        ("account",),
    )


def waiting_of(account: models.Account) -> dict[str, dict[str, Any]]:
    """Return what each open order of an account waits for, by order id, as of its last valuation."""
    row = models.OpenOrders.objects.filter(account=account).first()
    return row.waiting if row else {}
