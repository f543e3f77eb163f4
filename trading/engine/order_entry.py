"""Order entry: from a strategy's signal to an order with whole ticks and lots, or to a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from trading.accounting.account import Account
from trading.accounting.positions import Position
from trading.accounting.valuation import mid_rate
from trading.book import Side
from trading.bounds import (
    LONGEST_CODE,
    LONGEST_REASON,
    LONGEST_SENTENCE,
    LONGEST_SYMBOL,
    MOST_COUNT,
    MOST_NS,
    NotANumber,
    number,
    shown,
    storable,
)
from trading.fees import Liquidity
from trading.frames import NS_PER_S, utc
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot
from trading.minutes import ns_of
from trading.orders import (
    LIMIT_AFTER_TRIGGER,
    TRIGGERED,
    AmendRequest,
    Bracket,
    Order,
    OrderStatus,
    Purpose,
    Refusal,
    Trail,
)
from trading.recount import decimals_of
from trading.signals import Action, Amend, Cancel, OrderType, Price, Signal, SizeUnit, TimeInForce

# "all" on a buy leaves this share of the cash, so that a price that moves during the latency is still paid for.
ALL_IN_SHARE = Decimal("0.995")
_LEAST_LEVERAGE = Decimal("0.001")  # one over it is reckoned with; what the account's terms allow is checked on arrival


class Refused(Exception):
    """A signal that cannot become an order."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(code, storable(sentence, LONGEST_SENTENCE))


def order_from(
    signal: Signal,
    account: Account,
    snapshot: MarketSnapshot,
    *,
    order_id: str,
    latency_ns: int,
    free: dict[str, Decimal],
) -> Order:
    """Return the order that ``signal`` stands for; ``free`` is what no resting order has spoken for, per currency.

    A strategy's float prices go to the nearest tick, sizes down to the quantity grid; a
    sale is never more than what is held.

    Raises:
        Refused: with a code and a sentence; ``bad_number`` for one that no engine, checkpoint or column could hold.
    """
    if signal.symbol not in snapshot.instruments:
        there = ", ".join(snapshot.instruments)
        raise Refused("unknown_symbol", f"{shown(signal.symbol)} is not on this market: {there}")
    instrument = snapshot.instrument(signal.symbol)
    limit, trigger = _prices(signal, instrument)
    arrives_ns = snapshot.time_ns + latency_ns
    return Order(
        order_id=order_id,
        symbol=signal.symbol,
        side=signal.side,
        type=signal.order_type,
        purpose=Purpose.ENTRY if signal.action in (Action.BUY, Action.SHORT) else Purpose.EXIT,
        lots=_lots(signal, instrument, account, snapshot, limit, free),
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=arrives_ns,
        limit_ticks=limit,
        trigger_ticks=trigger,
        time_in_force=signal.time_in_force,
        is_post_only=bool(signal.post_only),
        is_reduce_only=bool(signal.reduce_only) or signal.action is Action.COVER,
        bracket=_bracket(signal, instrument, snapshot),
        updated_ns=snapshot.time_ns,
        reason=_reason(signal),
        code=storable(signal.code, LONGEST_CODE),
        leverage=_leverage(signal),
        expires_ns=_expiry_ns(signal, snapshot),
        trail=_trail(signal, instrument) if signal.order_type is OrderType.TRAILING_STOP else None,
        latency_ns=latency_ns,
        decimals=decimals_of(instrument),
    )


def cancelled_by(wanted: Cancel, orders: Iterable[Order]) -> list[str]:
    """Return the ids of the live orders that are meant: one by its id, those of a symbol, or all."""
    return [
        order.order_id
        for order in orders
        if wanted.order_id in ("", order.order_id) and wanted.symbol in ("", order.symbol)
    ]


def amendment_from(wanted: Amend, order: Order, snapshot: MarketSnapshot, arrives_ns: int) -> AmendRequest:
    """Return the request that a live order be changed as wanted.

    Raises:
        Refused: a number that is none.
    """
    instrument = snapshot.instrument(order.symbol)
    lots = None
    if wanted.qty is not None:
        lots = _whole_lots("qty", wanted.qty, max(_number("qty", wanted.qty), Decimal(0)), instrument)
    limit = _ticks("limit_price", wanted.limit_price, instrument)
    trigger = _ticks("trigger_price", wanted.trigger_price, instrument)
    return AmendRequest(order.order_id, arrives_ns, lots, limit, trigger)


def closing_order(
    position: Position,
    lots: int,
    snapshot: MarketSnapshot,
    *,
    order_id: str,
    latency_ns: int,
    code: str,
    reason: str,
) -> Order:
    """Return the market order that closes ``lots`` of a position, and never more than there is when it fills."""
    return Order(
        order_id=order_id,
        symbol=position.symbol,
        side=Side.SELL if position.lots > 0 else Side.BUY,
        type=OrderType.MARKET,
        purpose=Purpose.EXIT,
        lots=lots,
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=snapshot.time_ns + latency_ns,
        is_reduce_only=True,
        status=OrderStatus.SENT,
        updated_ns=snapshot.time_ns,
        reason=reason,
        code=code,
        latency_ns=latency_ns,
        decimals=decimals_of(snapshot.instrument(position.symbol)),
    )


def value_of(order: Order, account: Account, snapshot: MarketSnapshot) -> Decimal:
    """Return what the order is worth at its limit, else at mid, in the account's currency."""
    instrument = snapshot.instrument(order.symbol)
    rate = mid_rate(snapshot, instrument.quote, account.state.currency)
    assert rate is not None, "a strategy is evaluated only while all worth is known"
    ticks = order.limit_ticks or snapshot.top(order.symbol).opposite(order.side)[0].ticks
    return instrument.cost(ticks, order.lots) * rate


def _prices(signal: Signal, instrument: Instrument) -> tuple[int | None, int | None]:
    limit, trigger, kind = signal.limit_price, signal.trigger_price, signal.order_type
    has_limit = kind is OrderType.LIMIT or kind in LIMIT_AFTER_TRIGGER
    if has_limit and limit is None:
        raise Refused("limit_price_missing", f"a {kind.value} order needs a limit_price")
    if limit is not None and not has_limit:
        raise Refused("limit_price_unused", f"limit_price is {shown(limit)}; a {kind.value} order has none")
    if kind in TRIGGERED and kind is not OrderType.TRAILING_STOP and trigger is None:
        raise Refused("trigger_price_missing", f"a {kind.value} order needs a trigger_price")
    if signal.post_only and kind is not OrderType.LIMIT:
        raise Refused("post_only", f"post_only goes with limit orders, not with {kind.value}")
    if signal.post_only and signal.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        raise Refused("post_only", f"post_only rests in the book; {signal.time_in_force.value} never does")
    return _ticks("limit_price", limit, instrument), _ticks("trigger_price", trigger, instrument)


def _leverage(signal: Signal) -> Decimal | None:
    if signal.leverage is None:
        return Decimal(1) if signal.action is Action.SHORT else None
    if signal.action in (Action.SELL, Action.COVER):
        raise Refused(
            "leverage", f"leverage is {shown(signal.leverage)}; a {signal.action.value} only closes what is open"
        )
    leverage = _number("leverage", signal.leverage)
    if leverage < _LEAST_LEVERAGE:
        raise Refused("bad_number", f"leverage is {shown(signal.leverage)}; expected a number above zero, like 1.5")
    return leverage


def _expiry_ns(signal: Signal, snapshot: MarketSnapshot) -> int:
    is_dated = signal.time_in_force is TimeInForce.GTD
    given = [value for value in (signal.expires_in_s, signal.expires_at) if value is not None]
    if is_dated and len(given) != 1:
        raise Refused("expiry_missing", "a gtd order needs expires_in_s, seconds of market time, or expires_at, a time")
    if not given:
        return 0
    if not is_dated:
        raise Refused("expiry_unused", f"an expiry goes with gtd, not with {signal.time_in_force.value}")
    if signal.expires_at is not None:
        return _moment_ns(signal.expires_at, snapshot)
    seconds = _number("expires_in_s", signal.expires_in_s)
    if seconds <= 0:
        raise Refused("bad_number", f"expires_in_s is {shown(signal.expires_in_s)}; expected seconds above zero")
    expires_ns = snapshot.time_ns + int(seconds * NS_PER_S)
    if expires_ns > MOST_NS:
        most_s = (MOST_NS - snapshot.time_ns) // NS_PER_S
        expected = f"expected seconds from now, at most {most_s}"
        raise Refused("bad_number", f"expires_in_s is {shown(signal.expires_in_s)}; {expected}")
    return expires_ns


def _moment_ns(moment: datetime, snapshot: MarketSnapshot) -> int:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise Refused("bad_time", f"expires_at is {shown(moment)}; expected a datetime that knows its zone")
    expires_ns = ns_of(moment)
    if expires_ns > MOST_NS:
        raise Refused("bad_number", f"expires_at is {moment}; expected a moment before {utc(MOST_NS):%Y-%m-%d}")
    if expires_ns <= snapshot.time_ns:
        raise Refused("bad_time", f"expires_at is {moment}; the market's time is {snapshot.time} already")
    return expires_ns


def _trail(signal: Signal, instrument: Instrument) -> Trail:
    if (signal.trail is None) == (signal.trail_pct is None):
        raise Refused("trail", "a trailing stop needs a trail (quote) or a trail_pct, one of them")
    if signal.trail is not None:
        ticks = _ticks("trail", signal.trail, instrument)
        assert ticks is not None, "a trail was given"
        return Trail(ticks=ticks, step_ticks=instrument.price_increment_ticks)
    pct = _number("trail_pct", signal.trail_pct)
    if not 0 < pct < 100:
        raise Refused("bad_number", f"trail_pct is {shown(signal.trail_pct)}; expected above zero and below 100")
    return Trail(pct=pct, step_ticks=instrument.price_increment_ticks)


def _ticks(what: str, price: Price | None, instrument: Instrument) -> int | None:
    if price is None:
        return None
    ticks = instrument.nearest_ticks(_number(what, price))
    if ticks <= 0:
        raise Refused("bad_number", f"{what} is {shown(price)}; expected a price above zero")
    if ticks > MOST_COUNT:
        most = instrument.price(MOST_COUNT).normalize()
        raise Refused("bad_number", f"{what} is {shown(price)}; expected at most {most:f} {instrument.quote}")
    return ticks


def _whole_lots(what: str, given: object, qty: Decimal, instrument: Instrument) -> int:
    lots = instrument.lots_within(qty)
    if lots > MOST_COUNT:
        most = instrument.qty(MOST_COUNT).normalize()
        raise Refused("bad_number", f"{what} is {shown(given)}; expected at most {most:f} {instrument.base}")
    return lots


def _number(what: str, value: object) -> Decimal:
    try:
        return number(what, value)
    except NotANumber as error:
        raise Refused("bad_number", str(error)) from None


def _reason(signal: Signal) -> str:
    return storable(signal.reason or signal.code, LONGEST_REASON)


def _bracket(signal: Signal, instrument: Instrument, snapshot: MarketSnapshot) -> Bracket | None:
    is_trailing = signal.order_type is not OrderType.TRAILING_STOP and (
        signal.trail is not None or signal.trail_pct is not None
    )
    if signal.stop_loss is None and signal.take_profit is None and not is_trailing:
        return None
    if signal.action not in (Action.BUY, Action.SHORT):
        return None  # what closes a position has nothing to protect
    if is_trailing and signal.stop_loss is not None:
        raise Refused("stop_loss_twice", "an entry has a stop_loss or a trail, not both")
    stop = _ticks("stop_loss", signal.stop_loss, instrument)
    target = _ticks("take_profit", signal.take_profit, instrument)
    touch = snapshot.top(signal.symbol).opposite(signal.side)[0].ticks
    is_buy, side = signal.side is Side.BUY, "below the ask" if signal.side is Side.BUY else "above the bid"
    if stop is not None and (stop >= touch if is_buy else stop <= touch):
        word = "a buy" if is_buy else "a short"
        raise Refused("stop_loss_side", f"stop_loss is {shown(signal.stop_loss)}; for {word} it must be {side}")
    if target is not None and (target <= (stop or 0) if is_buy else target >= (stop or touch)):
        where = "above the stop-loss" if is_buy else "below the stop-loss and the bid"
        raise Refused("take_profit_side", f"take_profit is {shown(signal.take_profit)}; it must be {where}")
    return Bracket(stop, target, _trail(signal, instrument) if is_trailing else None)


def _lots(
    signal: Signal,
    instrument: Instrument,
    account: Account,
    snapshot: MarketSnapshot,
    limit_ticks: int | None,
    free: dict[str, Decimal],
) -> int:
    touch = snapshot.top(signal.symbol).opposite(signal.side)[0].ticks
    price = instrument.price(limit_ticks or touch)
    if isinstance(signal.size, str) and signal.size == "all":
        lots = _all_lots(signal, instrument, account, snapshot, price, free)
    else:
        size = _number("size", signal.size)
        if size <= 0:
            raise Refused("bad_number", f"size is {shown(signal.size)}; expected a number above zero")
        base = _in_base(size, signal, instrument, account, snapshot, price)
        lots = _whole_lots("size", signal.size, base, instrument)
    held = account.position(signal.symbol).lots
    if signal.action is Action.SELL:
        sellable = instrument.lots_within(free.get(instrument.base, Decimal(0)))
        if sellable <= 0:
            raise Refused("nothing_to_sell", f"no {instrument.base} is held or free; to sell what is borrowed, short")
        lots = min(lots, sellable)
    elif signal.action is Action.COVER:
        if held >= 0:
            raise Refused("nothing_to_cover", f"nothing of {signal.symbol} is sold short")
        lots = min(lots, -held)
    if lots <= 0:
        raise Refused(
            "size_too_small", f"size {shown(signal.size)} is less than the smallest step of {instrument.symbol}"
        )
    return lots


def _all_lots(
    signal: Signal,
    instrument: Instrument,
    account: Account,
    snapshot: MarketSnapshot,
    price: Decimal,
    free: dict[str, Decimal],
) -> int:
    match signal.action:
        case Action.SELL | Action.COVER:
            return abs(account.position(instrument.symbol).lots)
        case Action.SHORT:
            raise Refused("bad_number", "size is 'all'; a short needs a number: nothing is held that could be all")
        case Action.BUY:
            fee = account.fee_bps(Liquidity.TAKER, snapshot.time_ns) / 10_000
            return instrument.lots_within(free.get(instrument.quote, Decimal(0)) * ALL_IN_SHARE / (price * (1 + fee)))


def _in_base(
    size: Decimal,
    signal: Signal,
    instrument: Instrument,
    account: Account,
    snapshot: MarketSnapshot,
    price: Decimal,
) -> Decimal:
    match signal.size_in:
        case SizeUnit.BASE:
            return size
        case SizeUnit.QUOTE:
            return size / price
        case SizeUnit.ACCOUNT:
            rate = mid_rate(snapshot, account.state.currency, instrument.quote)
            assert rate is not None, "a strategy is evaluated only while all worth is known"
            return size * rate / price


def refused_order(signal: Signal, order_id: str, refusal: Refusal, snapshot: MarketSnapshot) -> Order:
    """Return the record of a signal that never became an order: no size, no price."""
    return Order(
        order_id=order_id,
        symbol=storable(signal.symbol, LONGEST_SYMBOL),
        side=signal.side,
        type=signal.order_type,
        purpose=Purpose.ENTRY if signal.action in (Action.BUY, Action.SHORT) else Purpose.EXIT,
        lots=0,
        created_sequence=snapshot.sequence,
        created_ns=snapshot.time_ns,
        arrives_ns=snapshot.time_ns,
        status=OrderStatus.REFUSED,
        updated_ns=snapshot.time_ns,
        refusal=refusal,
        reason=_reason(signal),
        code=storable(signal.code, LONGEST_CODE),
    )
