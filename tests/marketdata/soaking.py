"""A long stretch of bad luck with every pair, in virtual time: all faults by chance, and a feed that falls asleep."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from marketdata.kraken.events import TradesLost, TradesRenumbered
from marketdata.simulation.chance import uniform
from marketdata.simulation.pairs import PAIRS
from tests.marketdata.virtual_exchange import MARKET, Minute, VirtualFeed
from trading.candles import MINUTE_NS

CALM_S = 100.0  # at the end, in which everything is to be right again
SLEEP_EVERY_S = 240.0
LONGEST_SLEEP_S = 30.0


@dataclass(slots=True)
class Soaked:
    """What was right after it, and what was not and is not on record either."""

    feed: VirtualFeed
    faults: int = 0
    sleeps: int = 0
    minutes: int = 0
    minutes_on_record: int = 0
    wrong: list[str] = field(default_factory=list)


def soak(seed: int, for_s: float, *, per_minute: float = 4.0, symbols: tuple[str, ...] = tuple(PAIRS)) -> Soaked:
    """Let ``for_s`` of faults and sleeps pass, then a calm; say what is wrong at its end."""
    feed = VirtualFeed(f"random:{seed}:{per_minute:g}@6+{for_s - CALM_S:g}", symbols, MARKET)
    soaked = Soaked(feed)
    while (nap_s := feed.now_s + SLEEP_EVERY_S * (0.5 + uniform(seed, soaked.sleeps, 1))) < for_s - CALM_S:
        feed.run(nap_s).sleep(1.5 + (LONGEST_SLEEP_S - 1.5) * uniform(seed, soaked.sleeps, 2))
        soaked.sleeps += 1
    feed.run(for_s)
    soaked.faults = len(feed.exchange.plan.begun(-1.0, for_s))
    _look_at_books(soaked)
    _look_at_frames(soaked)
    for symbol in symbols:
        _look_at_trades(soaked, symbol)
        _look_at_minutes(soaked, symbol)
    return soaked


def _look_at_books(soaked: Soaked) -> None:
    feed = soaked.feed
    for symbol in feed.symbols:
        # A pair whose delisting does not end stays delisted.
        is_gone = feed.exchange.statuses()[symbol] == "delisted"
        if not is_gone and (feed.status(symbol) != "online" or feed.shown_book(symbol) != feed.true_book(symbol)):
            soaked.wrong.append(f"book of {symbol} is {feed.status(symbol)}, and not the exchange's")


def _look_at_frames(soaked: Soaked) -> None:
    frames = soaked.feed.frames
    for earlier, later in pairwise(frames):
        if later.sequence != earlier.sequence + 1 and later.gap is None:
            soaked.wrong.append(f"frames are missing after {earlier.sequence}, and no gap says so")


def _look_at_trades(soaked: Soaked, symbol: str) -> None:
    trades = soaked.feed.received_trades(symbol)
    ids = sorted(trade.trade_id for trade in trades)
    # Ids that were too high for a while are those of other trades later: a trade is known by its time.
    if len(trades) != len({(trade.time_ns, trade.ticks, trade.lots) for trade in trades}):
        soaked.wrong.append(f"a trade of {symbol} came twice")
    if not _is_on_record(soaked.feed, symbol) and ids and len(ids) != ids[-1] - ids[0] + 1:
        soaked.wrong.append(f"a trade of {symbol} is missing, and nothing says so")


def _is_on_record(feed: VirtualFeed, symbol: str) -> bool:
    return any(isinstance(event, TradesLost | TradesRenumbered) and event.symbol == symbol for event in feed.events)


def _look_at_minutes(soaked: Soaked, symbol: str) -> None:
    shown = {minute.start_ns: minute for minute in soaked.feed.shown_minutes(symbol)}
    for true in soaked.feed.true_minutes(symbol):
        soaked.minutes += 1
        if shown.get(true.start_ns) != true:
            if _is_excused(soaked.feed, symbol, true, is_shown=true.start_ns in shown):
                soaked.minutes_on_record += 1
            else:
                soaked.wrong.append(
                    f"minute {soaked.feed.since_s(true.start_ns):.0f} s of {symbol} is not the exchange's"
                )


def _is_excused(feed: VirtualFeed, symbol: str, minute: Minute, *, is_shown: bool) -> bool:
    """Return whether the record says why a minute is not the exchange's: a gap, lost trades, or its own wrong times."""
    until_ns = minute.start_ns + MINUTE_NS
    gaps = (frame.gap for frame in feed.frames if frame.gap is not None)
    if not is_shown and any(gap.from_ns < until_ns and gap.to_ns > minute.start_ns for gap in gaps):
        return True
    if _is_on_record(feed, symbol):
        return True
    from_s, until_s = feed.since_s(minute.start_ns) - 90, feed.since_s(until_ns) + 90
    faults = feed.exchange.plan.begun(-1.0, feed.since_s(feed.now_ns))
    odd_times = ("skew", "delist")
    return any(f.name in odd_times and f.at_s < until_s and f.until_s > from_s for f in faults)
