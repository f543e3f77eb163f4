"""Order entry: from a strategy's wish to an order with whole ticks and lots, or to a refusal."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from trading.account import Account
from trading.book import Side
from trading.fees import Liquidity
from trading.frames import NS_PER_MS
from trading.instruments import Instrument
from trading.orders import Bracket, Order, OrderStatus, Purpose, Refusal
from trading.signals import Action, OrderType, Price, Signal, SizeUnit
from trading.snapshot import DataSnapshot
from trading.valuation import mid_rate

# "all" on a buy leaves this share of the cash, so that a price that moves during the latency is still paid for.
ALL_IN_SHARE = Decimal("0.995")
_SUPPORTED = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT)


class Refused(Exception):
    """A wish that cannot become an order."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(code, sentence)


def order_from(
    signal: Signal,
    account: Account,
    snapshot: DataSnapshot,
    *,
    order_id: str,
    latency_ms: int,
    free: dict[str, Decimal],
) -> Order:
    """Return the order that ``signal`` asks for; ``free`` is what no resting order has spoken for, per currency.

    A strategy's float prices go to the nearest tick, sizes down to the quantity grid; a
    sale is never more than what is held.

    Raises:
        Refused: with a code and a sentence.
    """
    if signal.action in (Action.SHORT, Action.COVER):
        raise Refused("margin_unavailable", f"{signal.action.value} needs margin, which this account does not have")
    if signal.order_type not in _SUPPORTED:
        raise Refused("order_type_unavailable", f"{signal.order_type.value} orders are not available on this exchange")
    if signal.symbol not in snapshot.instruments:
        raise Refused("unknown_symbol", f"{signal.symbol!r} is not on this market: {', '.join(snapshot.instruments)}")
    instrument = snapshot.instrument(signal.symbol)
    limit, trigger = _prices(signal, instrument)
    return Order(
        order_id=order_id,
        symbol=signal.symbol,
        side=signal.side,
        type=signal.order_type,
        purpose=Purpose.ENTRY if signal.side is Side.BUY else Purpose.EXIT,
        lots=_lots(signal, instrument, account, snapshot, limit, free),
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=snapshot.time_ns + latency_ms * NS_PER_MS,
        limit_ticks=limit,
        trigger_ticks=trigger,
        time_in_force=signal.time_in_force,
        is_post_only=signal.post_only,
        is_reduce_only=signal.reduce_only,
        bracket=_bracket(signal, instrument, snapshot),
        updated_ns=snapshot.time_ns,
        reason=signal.reason or signal.code,
    )


def value_of(order: Order, account: Account, snapshot: DataSnapshot) -> Decimal:
    """Return what the order is worth at its limit, else at mid, in the account's currency."""
    instrument = snapshot.instrument(order.symbol)
    rate = mid_rate(snapshot, instrument.quote, account.state.currency)
    assert rate is not None, "the engine asks only when all worth is known"
    ticks = order.limit_ticks or snapshot.top(order.symbol).opposite(order.side)[0].ticks
    return instrument.cost(ticks, order.lots) * rate


def _prices(signal: Signal, instrument: Instrument) -> tuple[int | None, int | None]:
    limit, trigger = signal.limit_price, signal.trigger_price
    if signal.order_type is OrderType.LIMIT and limit is None:
        raise Refused("limit_price_missing", "a limit order needs a limit_price")
    if signal.order_type in (OrderType.STOP, OrderType.TAKE_PROFIT) and trigger is None:
        raise Refused("trigger_price_missing", f"a {signal.order_type.value} order needs a trigger_price")
    if signal.post_only and signal.order_type is not OrderType.LIMIT:
        raise Refused("post_only", f"post_only goes with limit orders, not with {signal.order_type.value}")
    return _ticks("limit_price", limit, instrument), _ticks("trigger_price", trigger, instrument)


def _ticks(what: str, price: Price | None, instrument: Instrument) -> int | None:
    if price is None:
        return None
    number = _number(what, price)
    ticks = instrument.nearest_ticks(number)
    if ticks <= 0:
        raise Refused("bad_number", f"{what} is {price}; expected a price above zero")
    return ticks


def _number(what: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Refused("bad_number", f"{what} is {value!r}; expected a number") from None
    if not number.is_finite():
        raise Refused("bad_number", f"{what} is {value}; expected a finite number")
    return number


def _bracket(signal: Signal, instrument: Instrument, snapshot: DataSnapshot) -> Bracket | None:
    if signal.side is not Side.BUY or (signal.stop_loss is None and signal.take_profit is None):
        return None
    stop = _ticks("stop_loss", signal.stop_loss, instrument)
    target = _ticks("take_profit", signal.take_profit, instrument)
    touch = snapshot.top(signal.symbol).asks[0].ticks
    if stop is not None and stop >= touch:
        raise Refused("stop_loss_side", f"stop_loss is {signal.stop_loss}; for a buy it must be below the ask")
    if target is not None and target <= (stop or 0):
        raise Refused("take_profit_side", f"take_profit is {signal.take_profit}; it must be above the stop-loss")
    return Bracket(stop, target)


def _lots(
    signal: Signal,
    instrument: Instrument,
    account: Account,
    snapshot: DataSnapshot,
    limit_ticks: int | None,
    free: dict[str, Decimal],
) -> int:
    touch = snapshot.top(signal.symbol).opposite(signal.side)[0].ticks
    price = instrument.price(limit_ticks or touch)
    if signal.size == "all":
        lots = _all_lots(signal.side, instrument, account, snapshot, price, free)
    else:
        size = _number("size", signal.size)
        if size <= 0:
            raise Refused("bad_number", f"size is {signal.size}; expected a number above zero")
        lots = instrument.lots_within(_in_base(size, signal, instrument, account, snapshot, price))
    if signal.side is Side.SELL:
        held = instrument.lots_within(free.get(instrument.base, Decimal(0)))
        if held <= 0:
            raise Refused("nothing_to_sell", f"no {instrument.base} is held or free; a spot account cannot sell short")
        lots = min(lots, held)
    if lots <= 0:
        raise Refused("size_too_small", f"size {signal.size} is less than the smallest step of {instrument.symbol}")
    return lots


def _all_lots(
    side: Side,
    instrument: Instrument,
    account: Account,
    snapshot: DataSnapshot,
    price: Decimal,
    free: dict[str, Decimal],
) -> int:
    if side is Side.SELL:
        return account.position(instrument.symbol).lots
    fee = account.fee_bps(Liquidity.TAKER, snapshot.time_ns) / 10_000
    return instrument.lots_within(free.get(instrument.quote, Decimal(0)) * ALL_IN_SHARE / (price * (1 + fee)))


def _in_base(
    size: Decimal,
    signal: Signal,
    instrument: Instrument,
    account: Account,
    snapshot: DataSnapshot,
    price: Decimal,
) -> Decimal:
    match signal.size_in:
        case SizeUnit.BASE:
            return size
        case SizeUnit.QUOTE:
            return size / price
        case SizeUnit.ACCOUNT:
            rate = mid_rate(snapshot, account.state.currency, instrument.quote)
            assert rate is not None, "the engine asks only when all worth is known"
            return size * rate / price


def refused_order(signal: Signal, order_id: str, refusal: Refusal, snapshot: DataSnapshot) -> Order:
    """Return the record of a wish that never became an order: no size, no price."""
    return Order(
        order_id=order_id,
        symbol=signal.symbol[:30],
        side=signal.side,
        type=signal.order_type,
        purpose=Purpose.ENTRY if signal.side is Side.BUY else Purpose.EXIT,
        lots=0,
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=snapshot.time_ns,
        status=OrderStatus.REFUSED,
        updated_ns=snapshot.time_ns,
        refusal=refusal,
        reason=signal.reason or signal.code,
    )
