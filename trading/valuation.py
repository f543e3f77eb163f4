"""What a holding is worth in another currency, by the books of the instruments that lead there."""

from __future__ import annotations

from decimal import Decimal

from trading.book import Side
from trading.instruments import Instrument
from trading.snapshot import DataSnapshot

_TWO = Decimal(2)


def mid_rate(snapshot: DataSnapshot, source: str, target: str) -> Decimal | None:
    """Return units of ``target`` per unit of ``source`` at mid, or None when no books lead there.

    Direct instruments first, either way round; else through one currency in between.
    """
    if source == target:
        return Decimal(1)
    direct = _direct_rate(snapshot, source, target)
    if direct is not None:
        return direct
    for between in _bridges(snapshot, source, target):
        first, second = _direct_rate(snapshot, source, between), _direct_rate(snapshot, between, target)
        if first is not None and second is not None:
            return first * second
    return None


def liquidation_value(
    snapshot: DataSnapshot, currency: str, amount: Decimal, target: str, taker_bps: Decimal
) -> Decimal | None:
    """Return what ``amount`` of ``currency`` would fetch now in ``target``, fees paid.

    Sells down the visible bids; what exceeds them is priced at the last visible one.
    None when no books lead from one to the other.
    """
    if currency == target or amount == 0:
        return amount if currency == target else Decimal(0)
    direct = _proceeds(snapshot, currency, amount, target, taker_bps)
    if direct is not None:
        return direct
    for between in _bridges(snapshot, currency, target):
        halfway = _proceeds(snapshot, currency, amount, between, taker_bps)
        if halfway is not None:
            proceeds = _proceeds(snapshot, between, halfway, target, taker_bps)
            if proceeds is not None:
                return proceeds
    return None


def _bridges(snapshot: DataSnapshot, source: str, target: str) -> list[str]:
    pairs = [(i.base, i.quote) for i in snapshot.instruments.values()]
    near_source = {b if a == source else a for a, b in pairs if source in (a, b)}
    near_target = {b if a == target else a for a, b in pairs if target in (a, b)}
    return sorted(near_source & near_target)


def _book_mid(snapshot: DataSnapshot, instrument: Instrument) -> Decimal | None:
    top = snapshot.top_or_none(instrument.symbol)
    if top is None or not top.bids or not top.asks:
        return None
    return instrument.price(top.bids[0].ticks + top.asks[0].ticks) / _TWO


def _direct_rate(snapshot: DataSnapshot, source: str, target: str) -> Decimal | None:
    forward = snapshot.instruments.get(f"{source}/{target}")
    if forward is not None:
        return _book_mid(snapshot, forward)
    backward = snapshot.instruments.get(f"{target}/{source}")
    if backward is not None:
        mid = _book_mid(snapshot, backward)
        return None if mid is None else 1 / mid
    return None


def _proceeds(
    snapshot: DataSnapshot, currency: str, amount: Decimal, target: str, taker_bps: Decimal
) -> Decimal | None:
    keep = 1 - taker_bps / 10_000
    instrument = snapshot.instruments.get(f"{currency}/{target}")
    if instrument is None:
        inverse = snapshot.instruments.get(f"{target}/{currency}")
        top = snapshot.top_or_none(inverse.symbol) if inverse is not None else None
        if inverse is None or top is None or not top.asks:
            return None
        return amount / inverse.price(top.asks[0].ticks) * keep
    top = snapshot.top_or_none(instrument.symbol)
    if top is None or not top.bids:
        return None
    left, proceeds = amount, Decimal(0)
    for level in top.opposite(Side.SELL):
        part = min(left, instrument.qty(level.lots))
        proceeds += part * instrument.price(level.ticks)
        left -= part
        if left == 0:
            break
    return (proceeds + left * instrument.price(top.bids[-1].ticks)) * keep
