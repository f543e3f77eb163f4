"""Orders as rows: ticks and lots become prices and quantities."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from portfolios import models
from portfolios.models.columns import stored
from trading.frames import utc
from trading.instruments import Instrument
from trading.orders import Bracket, Order, Purpose
from trading.recount import decimals_of

# What may change while an order lives: amendments and trails move prices, exits are sized by the position.
CHANGING = (
    *("status", "qty", "filled_qty", "limit_price", "trigger_price", "average_price", "stop_loss_price"),
    *("take_profit_price", "sibling_id", "is_triggered", "is_after_gap", "queue_ahead_qty", "code", "sentence"),
    "updated_at",
)
# A change of one of these is announced. What moves with the market alone, the queue ahead of an order and the
# price that a trailing stop follows, would drown the rest.
ANNOUNCED = (
    *("status", "qty", "filled_qty", "limit_price", "stop_loss_price", "take_profit_price", "sibling_id"),
    *("is_triggered", "code"),
)
_MOST = Decimal(10) ** 17  # a strategy may send any number; the column holds less


def order_row(account_id: int, order: Order, instruments: Mapping[str, Instrument]) -> models.Order:
    """Return the row; prices of an instrument that the market does not know are not known."""
    instrument = instruments.get(order.symbol)
    if instrument is not None and order.decimals is not None and order.decimals != decimals_of(instrument):
        instrument = replace(instrument, price_decimals=order.decimals[0], qty_decimals=order.decimals[1])

    def price(ticks: int | None) -> Decimal | None:
        return None if ticks is None or instrument is None else _in_column(instrument.price(ticks))

    def qty(lots: int) -> Decimal:
        return Decimal(0) if instrument is None else instrument.qty(lots)

    filled = qty(order.filled_lots)
    bracket = order.bracket or Bracket()
    trail = order.trail or bracket.trail
    rests = order.is_limit and order.status.is_live
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
        average_price=stored(order.filled_cost / filled) if filled else None,
        is_post_only=order.is_post_only,
        is_reduce_only=order.is_reduce_only,
        leverage=_in_column(order.leverage),
        trail=price(trail.ticks or None) if trail else None,
        trail_pct=stored(trail.pct) if trail and not trail.ticks else None,
        expires_at=utc(order.expires_ns) if order.expires_ns else None,
        stop_loss_price=price(bracket.stop_loss_ticks),
        take_profit_price=price(bracket.take_profit_ticks),
        parent_id=_parent_of(order),
        sibling_id=order.sibling_id,
        is_triggered=order.is_triggered,
        is_after_gap=order.is_after_gap,
        queue_ahead_qty=qty(order.queue_ahead_lots) if rests and order.queue_ahead_lots >= 0 else None,
        fill_model=order.model,
        purpose=order.purpose.value,
        reason=order.reason[:300],
        signal_code=order.code[:60],
        code=order.refusal.code if order.refusal else "",
        sentence=order.refusal.sentence[:500] if order.refusal else "",
        sequence=order.created_sequence,
        created_at=utc(order.created_ns),
        updated_at=utc(order.updated_ns),
    )


def _in_column(number: Decimal | None) -> Decimal | None:
    return stored(number) if number is not None and abs(number) < _MOST else None


def _parent_of(order: Order) -> str:
    """Return the entry whose fill put this exit in place; the exchange names it after it."""
    suffix = f":{order.purpose.value}"
    is_kept = order.purpose in (Purpose.STOP_LOSS, Purpose.TAKE_PROFIT)
    return order.order_id.removesuffix(suffix) if is_kept and order.order_id.endswith(suffix) else ""
