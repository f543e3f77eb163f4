"""What a holding is worth in another currency, by the books of the instruments that lead there.

The way is the shortest over two-sided books; of equally short ones, the one through the
currencies that most instruments trade in, then the first by name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot

_ONE, _TWO = Decimal(1), Decimal(2)
_GRAPHS_KEPT = 8


class Leg(NamedTuple):
    """One instrument on the way."""

    instrument: Instrument
    is_forward: bool  # from base to quote

    @property
    def end(self) -> str:
        """The currency it leads to."""
        return self.instrument.quote if self.is_forward else self.instrument.base


class _Graph:
    """Which currencies a set of instruments joins, and the ways already found."""

    def __init__(self, instruments: dict[str, Instrument]) -> None:
        self.instruments = instruments  # also keeps the dict alive, so that its id stays its own
        self.ways: dict[tuple[str, str], tuple[Leg, ...]] = {}  # empty where none leads
        legs: dict[str, list[Leg]] = {}
        for instrument in instruments.values():
            legs.setdefault(instrument.base, []).append(Leg(instrument, is_forward=True))
            legs.setdefault(instrument.quote, []).append(Leg(instrument, is_forward=False))
        order = {currency: (-len(known), currency) for currency, known in legs.items()}
        self.legs = {currency: sorted(known, key=lambda leg: order[leg.end]) for currency, known in legs.items()}


_graphs: dict[int, _Graph] = {}  # a memo: what is in it follows from the instruments alone


def _graph(instruments: dict[str, Instrument]) -> _Graph:
    graph = _graphs.get(id(instruments))
    if graph is None:
        while len(_graphs) >= _GRAPHS_KEPT:
            del _graphs[next(iter(_graphs))]
        graph = _graphs[id(instruments)] = _Graph(instruments)
    return graph


def _is_two_sided(snapshot: MarketSnapshot, leg: Leg) -> bool:
    top = snapshot.top_or_none(leg.instrument.symbol)
    return top is not None and bool(top.bids) and bool(top.asks)


def way(snapshot: MarketSnapshot, source: str, target: str) -> tuple[Leg, ...] | None:
    """Return the instruments that lead from ``source`` to another currency, None when no books do."""
    graph = _graph(snapshot.instruments)
    best = graph.ways.get((source, target))
    if best is None:
        best = graph.ways[source, target] = _search(graph, source, target, None) or ()
    # The best of all ways is the best over the books there are, when it has a book for each of its legs.
    for leg in best:
        if not _is_two_sided(snapshot, leg):
            return _search(graph, source, target, snapshot)
    return best or None


def _search(graph: _Graph, source: str, target: str, snapshot: MarketSnapshot | None) -> tuple[Leg, ...] | None:
    """Go outwards from ``source`` until ``target`` is met; with a snapshot, over two-sided books only."""
    came_by: dict[str, Leg | None] = {source: None}
    queue = deque([source])
    while queue:
        at = queue.popleft()
        for leg in graph.legs.get(at, ()):
            if leg.end in came_by or (snapshot is not None and not _is_two_sided(snapshot, leg)):
                continue
            came_by[leg.end] = leg
            if leg.end == target:
                return tuple(reversed(list(_back(came_by, target))))
            queue.append(leg.end)
    return None


def _back(came_by: dict[str, Leg | None], currency: str) -> Iterator[Leg]:
    leg = came_by[currency]
    while leg is not None:
        yield leg
        leg = came_by[leg.instrument.base if leg.is_forward else leg.instrument.quote]


def mid_rate(snapshot: MarketSnapshot, source: str, target: str) -> Decimal | None:
    """Return units of ``target`` per unit of ``source`` at mid, or None when no books lead there."""
    if source == target:
        return _ONE
    key = ("mid_rate", source, target)
    if key not in snapshot.memo:
        snapshot.memo[key] = _mid_rate(snapshot, source, target)
    rate: Decimal | None = snapshot.memo[key]
    return rate


def _mid_rate(snapshot: MarketSnapshot, source: str, target: str) -> Decimal | None:
    legs = way(snapshot, source, target)
    if legs is None:
        return None
    rate = _ONE
    for instrument, is_forward in legs:
        top = snapshot.top(instrument.symbol)
        mid = instrument.price(top.bids[0].ticks + top.asks[0].ticks) / _TWO
        rate = rate * mid if is_forward else rate / mid
    return rate


def liquidation_value(
    snapshot: MarketSnapshot, currency: str, amount: Decimal, target: str, taker_bps: Decimal
) -> Decimal | None:
    """Return what ``amount`` of ``currency`` would fetch now in ``target``, fees paid.

    Walks down the visible book of each instrument on the way; what exceeds it is priced at
    its last level. None when no books lead from one to the other.
    """
    if currency == target or amount == 0:
        return amount
    legs = way(snapshot, currency, target)
    if legs is None:
        return None
    keep = 1 - taker_bps / 10_000
    for instrument, is_forward in legs:
        top = snapshot.top(instrument.symbol)
        levels = _priced(instrument, top.bids if is_forward else top.asks)
        amount = (_cost_of(amount, levels) if is_forward else _qty_for(amount, levels)) * keep
    return amount


def buyback_cost(
    snapshot: MarketSnapshot, currency: str, amount: Decimal, target: str, taker_bps: Decimal
) -> Decimal | None:
    """Return what it would take now in ``target``, fees included, to get ``amount`` of ``currency``.

    Walks up the visible book as ``liquidation_value`` walks down it.
    """
    if currency == target or amount == 0:
        return amount
    legs = way(snapshot, currency, target)
    if legs is None:
        return None
    fee = taker_bps / 10_000
    for instrument, is_forward in legs:
        top = snapshot.top(instrument.symbol)
        if is_forward:
            amount = _cost_of(amount, _priced(instrument, top.asks)) * (1 + fee)
        else:
            amount = _qty_for(amount / (1 - fee), _priced(instrument, top.bids))
    return amount


def _priced(instrument: Instrument, levels: Iterable[tuple[int, int]]) -> Iterator[tuple[Decimal, Decimal]]:
    return ((instrument.price(ticks), instrument.qty(lots)) for ticks, lots in levels)


def _cost_of(qty: Decimal, levels: Iterator[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the quote that changes hands for ``qty`` of base."""
    cost = price = Decimal(0)
    for price, shown in levels:
        if qty <= shown:
            return cost + qty * price
        cost += shown * price
        qty -= shown
    return cost + qty * price


def _qty_for(cost: Decimal, levels: Iterator[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the base that changes hands for ``cost`` of quote."""
    qty, price = Decimal(0), _ONE
    for price, shown in levels:
        worth = shown * price
        if cost <= worth:
            return qty + cost / price
        qty += shown
        cost -= worth
    return qty + cost / price
