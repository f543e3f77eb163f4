"""What the market says of open positions and orders, looked at once a second: they do not change, the market does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portfolios import models
from portfolios.rows.orders import stored
from portfolios.services import position_rows, upsert
from trading.accounting.liquidation_price import liquidation_price
from trading.engine import Engine
from trading.exchange.waiting import Waiting, waiting
from trading.fills import plain
from trading.frames import utc
from trading.market_snapshot import MarketSnapshot

_POSITION_FIELDS = ("mae", "mfe", "mark_price", "unrealised", "liquidation_price", "as_of")


@dataclass(frozen=True, slots=True)
class AccountLook:
    """How one account's positions and orders stand in the market."""

    account_id: int
    time_ns: int
    positions: Sequence[models.Position]
    waiting: dict[str, dict[str, Any]]  # order id -> what it waits for, as JSON


def look_at(account_id: int, engine: Engine, snapshot: MarketSnapshot) -> AccountLook:
    """Return how the account stands as of ``snapshot``, which its engine has taken in."""
    rows = list(position_rows(account_id, engine.account.state, snapshot.instruments))
    for row in rows:
        row.as_of = utc(snapshot.time_ns)
        if row.qty:
            _mark(row, engine, snapshot)
    told = {
        order_id: _told(waiting(order, engine.requests, snapshot, engine.model))
        for order_id, order in engine.open_orders.items()
    }
    return AccountLook(account_id, snapshot.time_ns, rows, told)


def _mark(row: models.Position, engine: Engine, snapshot: MarketSnapshot) -> None:
    figures = engine.account.figures_of(row.symbol, snapshot)
    top = snapshot.top_or_none(row.symbol)
    if top is not None and top.bids and top.asks:
        twice = snapshot.instrument(row.symbol).price(top.bids[0].ticks + top.asks[0].ticks)
        row.mark_price = stored(twice / 2)
    row.unrealised = stored(figures.unrealised) if figures is not None else None
    row.liquidation_price = stored(liquidation_price(engine.account, row.symbol, snapshot))


def _told(waiting: Waiting) -> dict[str, Any]:
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


def record_looks(looks: Sequence[AccountLook]) -> None:
    """Write how accounts stand; it belongs in the transaction that writes their standings."""
    upsert(models.Position, [row for look in looks for row in look.positions], ("account", "symbol"), _POSITION_FIELDS)
    upsert(
        models.OpenOrders,
        [
            models.OpenOrders(account_id=look.account_id, waiting=look.waiting, as_of=utc(look.time_ns))
            for look in looks
        ],
        ("account",),
        ("waiting", "as_of"),
    )


def waiting_of(account: models.Account) -> dict[str, dict[str, Any]]:
    """Return what each open order of an account waits for, by order id, as its worker saw it last."""
    look = models.OpenOrders.objects.filter(account=account).first()
    return look.waiting if look else {}
