"""A stage for one strategy: its market is drawn price by price; its signals and fills are kept.

A step may take any time: a frame is shown only where something happens, so that hours pass in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from strategies.versions import registry
from trading.book import BookTop, Level, Side
from trading.candles import width_ns
from trading.engine import Engine, Outcome, Terms
from trading.fills import Fill
from trading.frames import Frame, History, Trade
from trading.instruments import Instrument
from trading.market import Market
from trading.portfolio import Holding
from trading.signals import Amend, Cancel, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Answer

FRAME_NS = 100_000_000
MINUTE_NS = 60_000_000_000


def pair(symbol: str, price_decimals: int) -> Instrument:
    """Return a pair with quantities of eight decimals."""
    base, quote = symbol.split("/")
    return Instrument(
        symbol=symbol, base=base, quote=quote, price_decimals=price_decimals, qty_decimals=8, cost_min=Decimal("1e-5")
    )


PAIRS = {
    p.symbol: p for p in (pair("BTC/USD", 1), pair("ETH/USD", 2), pair("XRP/USD", 5), pair("XRP/BTC", 8))
}  # fmt: skip
PRICES = {"BTC/USD": 60_000.0, "ETH/USD": 3_000.0, "XRP/USD": 2.4, "XRP/BTC": 0.00004}


class Stage:
    """A strategy at work on a market that is drawn."""

    def __init__(
        self,
        name: str,
        symbols: Sequence[str] = ("BTC/USD",),
        *,
        at: str = "2026-07-08T09:00:00+00:00",
        terms: dict[str, Any] | None = None,
        **config: Any,
    ) -> None:
        found = registry.strategy(name)
        self.said: list[Signal | Cancel | Amend] = []
        self._remembers: dict[str, Any] = {}
        self.engine = Engine(
            replace(found, generate_signal=self._overheard(found.generate_signal)),
            found.config(config),
            Terms(
                **{"slug": name, "symbols": tuple(symbols), "stake": Decimal(1_000), "latency_ms": 0} | (terms or {})
            ),
        )
        self.market = Market()
        self.now_ns = int(datetime.fromisoformat(at).timestamp()) * 1_000_000_000
        self.prices = dict(PRICES)
        self.outcomes: list[Outcome] = []
        self._symbols = tuple(PAIRS)
        self._depth = dict.fromkeys(PAIRS, (1.0, 1.0))
        self._spread_pct = dict.fromkeys(PAIRS, 0.01)
        self._ids = dict.fromkeys(PAIRS, 0)
        self._past: list[History] = []

    def _overheard(self, generate_signal: Any) -> Any:
        def overheard(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Answer:
            self._remembers = state
            answer: Answer = generate_signal(data, config, state)
            said = answer if isinstance(answer, list) else [answer]
            self.said += [one for one in said if isinstance(one, Signal | Cancel | Amend)]
            return answer

        return overheard

    # The market

    def past(
        self, symbol: str, timeframe: str, closes: Iterable[float], volumes: Iterable[float] | float = 10.0,
        wick_pct: float = 0.05, trades: int = 9,
    ) -> Stage:  # fmt: skip
        """Draw candles that ended when the stage opens; the last close is the price it opens at."""
        known, width = list(closes), width_ns(timeframe)
        amounts = [volumes] * len(known) if isinstance(volumes, float | int) else list(volumes)
        end_ns = self.now_ns // width * width
        rows, before = [], known[0]
        for at, (close, volume) in enumerate(zip(known, amounts, strict=True)):
            high, low = max(before, close) * (1 + wick_pct / 100), min(before, close) * (1 - wick_pct / 100)
            ticks = tuple(self._ticks(symbol, price) for price in (before, high, low, close))
            rows.append((end_ns - (len(known) - at) * width, *ticks, round(volume * 10**8), trades))
            before = close
        self._past.append(History(symbol, timeframe, tuple(rows)))
        self.prices[symbol] = before
        return self

    def book(self, symbol: str, bids: float = 1.0, asks: float = 1.0, spread_pct: float = 0.01) -> Stage:
        """Draw the next frames' books: how heavy each side is (1: worth a million), how far apart they are."""
        self._depth[symbol], self._spread_pct[symbol] = (bids, asks), spread_pct
        return self

    def trade(
        self, symbol: str, price: float | None = None, *, qty: float = 1.0, side: str = "buy", times: int = 1,
        after_s: float = 1.0,
    ) -> Outcome:  # fmt: skip
        """Show one frame, ``after_s`` later, in which so many prints happen at a price."""
        return self.prints(symbol, [(side, qty)] * times, price, after_s=after_s)

    def prints(
        self, symbol: str, sides_and_sizes: Iterable[tuple[str, float]], price: float | None = None, *,
        after_s: float = 1.0,
    ) -> Outcome:  # fmt: skip
        """Show one frame, ``after_s`` later, in which prints of different sides and sizes happen at a price."""
        self.prices[symbol] = price if price is not None else self.prices[symbol]
        ticks = self._ticks(symbol, self.prices[symbol])
        self.now_ns += max(FRAME_NS, round(after_s * 10) * FRAME_NS)
        reported = []
        for side, qty in sides_and_sizes:
            self._ids[symbol] += 1
            lots = max(1, round(qty * 10**8))
            reported.append(Trade(symbol, self._ids[symbol], Side(side), ticks, lots, self.now_ns - 1))
        return self._show(tuple(reported))

    def wait(self, seconds: float) -> Outcome:
        """Let time pass in which nobody trades; one frame at its end."""
        self.now_ns += max(FRAME_NS, round(seconds * 10) * FRAME_NS)
        return self._show(())

    def candles(
        self, symbol: str, timeframe: str, closes: Iterable[float], *, volume: float = 10.0, bought: float = 0.5
    ) -> Stage:
        """Play whole candles: each goes straight to its close, with so much volume, of which a share is bought."""
        steps = width_ns(timeframe) // MINUTE_NS * 2
        for close in closes:
            self.now_ns = self.now_ns // MINUTE_NS * MINUTE_NS
            before = self.prices[symbol]
            for step in range(1, steps + 1):
                price = before + (close - before) * step / steps
                piece = volume / steps / 2
                self.trade(symbol, price, qty=piece * 2 * bought, side="buy", after_s=15)
                self.trade(symbol, price, qty=piece * 2 * (1 - bought), side="sell", after_s=15)
        self.wait(FRAME_NS / 1e9)  # the last candle closes when the next minute has begun
        return self

    def stride(
        self, symbol: str, timeframe: str, closes: Iterable[float], *, side: str = "buy", qty: float = 1.0
    ) -> Stage:
        """Play whole candles in two frames each, one before its end and one after; what had begun is ended first."""
        width_s = width_ns(timeframe) / 1e9
        for close in closes:
            left_s = width_s - self.now_ns / 1e9 % width_s
            if left_s < 20:
                self.trade(symbol, side=side, qty=qty, after_s=left_s)
                left_s = width_s
            self.trade(symbol, close, side=side, qty=qty, after_s=left_s - 10)
            self.trade(symbol, close, side=side, qty=qty, after_s=10.1)
        return self

    def _ticks(self, symbol: str, price: float) -> int:
        return round(price * 10 ** PAIRS[symbol].price_decimals)

    def _drawn(self, symbol: str) -> BookTop:
        ticks, half = self._ticks(symbol, self.prices[symbol]), self._spread_pct[symbol] / 200
        away = max(1, round(ticks * half))
        lots = round(1e6 / self.prices[symbol] * 10**8 / (self.prices["BTC/USD"] if symbol == "XRP/BTC" else 1))
        bids, asks = self._depth[symbol]
        return BookTop(
            tuple(Level(ticks - away - n, round(lots * bids)) for n in range(10)),
            tuple(Level(ticks + away + n, round(lots * asks)) for n in range(10)),
        )

    def _show(self, trades: tuple[Trade, ...]) -> Outcome:
        is_first = self.market.sequence == 0
        if is_first:
            # The account is opened at one frame and the strategy asked from the next on.
            self.now_ns -= FRAME_NS
            self._process(())
            self.now_ns += FRAME_NS
        return self._process(trades)

    def _process(self, trades: tuple[Trade, ...]) -> Outcome:
        is_first = self.market.sequence == 0
        frame = Frame(
            sequence=self.now_ns // FRAME_NS,
            time_ns=self.now_ns,
            books={symbol: self._drawn(symbol) for symbol in self._symbols},
            trades=trades,
            instruments=tuple(PAIRS.values()) if is_first else (),
            statuses=dict.fromkeys(PAIRS, "online") if is_first else {},
            system="online" if is_first else "",
            history=tuple(self._past) if is_first else (),
            is_keyframe=is_first,
        )
        self.market.fold(frame)
        outcome = self.engine.process(frame, self.market.snapshot())
        self.outcomes.append(outcome)
        for error in outcome.errors:
            raise AssertionError(error.traceback)
        return outcome

    # What came of it

    @property
    def fills(self) -> list[Fill]:
        """Every fill so far."""
        return [fill for outcome in self.outcomes for fill in outcome.fills]

    @property
    def trades(self) -> list[tuple[str, str]]:
        """Side and reason of every fill so far."""
        return [(fill.side.value, fill.reason) for fill in self.fills]

    @property
    def codes(self) -> list[str]:
        """The codes of all signals so far."""
        return [one.code for one in self.said if isinstance(one, Signal)]

    @property
    def why(self) -> dict[str, int]:
        """Why it did not trade, so far."""
        return dict(self.engine.why)

    def holding(self, symbol: str) -> Holding | None:
        """Return what is held through a symbol now."""
        return self.engine.portfolio_at(self.market.snapshot()).position(symbol)

    @property
    def indicators(self) -> dict[str, dict[str, Any]]:
        """What the strategy looked at last, by symbol."""
        shown: dict[str, dict[str, Any]] = self._remembers.get("indicators", {})
        return shown

    def digest(self) -> tuple[object, ...]:
        """Return all that the strategy's numbers could have changed: what was said, refused and left."""
        orders = [order for outcome in self.outcomes for order in outcome.orders.values()]
        return tuple(map(repr, self.said)), tuple(map(repr, orders)), tuple(sorted(self.why.items()))
