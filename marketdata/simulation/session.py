"""One client's session with the simulated exchange: no socket, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from marketdata.kraken import answers
from marketdata.kraken.answers import Request
from marketdata.simulation import messages
from marketdata.simulation.books import STEP_NS
from marketdata.simulation.chance import mixed
from marketdata.simulation.market import SimulatedMarket
from trading.book import BookTop
from trading.frames import NS_PER_S

SNAPSHOT_TRADES = 50
HEARTBEAT_NS = NS_PER_S
_LONGEST_STRETCH_NS = 600 * NS_PER_S  # after a longer sleep older prints are not sent
_TRIGGERS = ("trades", "bbo")
_NEEDS_SYMBOLS = ("book", "trade", "ticker")


@dataclass(slots=True)
class _Subscriptions:
    """What the client is subscribed to, and what it was sent last."""

    instrument: bool = False
    books: dict[str, tuple[int, BookTop]] = field(default_factory=dict)  # -> depth, as displayed to the client
    trades: set[str] = field(default_factory=set)
    tickers: dict[str, tuple[str, tuple[Any, Any]]] = field(default_factory=dict)  # -> trigger, best bid and ask

    def __bool__(self) -> bool:
        return self.instrument or bool(self.books or self.trades or self.tickers)


class Session:
    """Answers requests, and sends the market's news as time passes.

    All messages are as of ``now_ns``, the time of the last ``advance``: a snapshot
    and the updates after it join without a seam.
    """

    def __init__(self, market: SimulatedMarket, now_ns: int) -> None:
        self._market = market
        self._now_ns = now_ns
        self._heartbeat_ns = now_ns
        self._subscribed = _Subscriptions()
        self.connection_id = mixed(market.seed, now_ns)

    def greeting(self) -> list[bytes]:
        """Return the messages of a new connection."""
        return [answers.status("online", self.connection_id)]

    def receive(self, message: bytes) -> list[bytes]:
        """Return the answers to a client's message."""
        request = answers.read_request(message)
        if request is None:
            return [b'{"error":"Malformed request","success":false}']
        if request.method == "ping":
            return [answers.pong(request, self._now_ns)]
        if request.method not in ("subscribe", "unsubscribe"):
            return [answers.refused(request, f"Method {request.method} not supported", self._now_ns)]
        channel = request.params.channel
        if channel in answers.PRIVATE_CHANNELS:
            return [answers.refused(request, answers.PRIVATE, self._now_ns)]
        if channel == "instrument":
            return self._instrument(request)
        if channel not in _NEEDS_SYMBOLS:
            return [answers.refused(request, f"Channel {channel} not supported", self._now_ns)]
        symbols = request.symbols
        if symbols is None:
            return [answers.refused(request, answers.SYMBOL_NOT_A_LIST, self._now_ns)]
        change = self._subscribe if request.method == "subscribe" else self._unsubscribe
        answered = [change(request, symbol) for symbol in symbols]
        # First every acknowledgement, then the snapshots.
        return [ack for ack, _ in answered] + [snapshot for _, snapshots in answered for snapshot in snapshots]

    def advance(self, now_ns: int) -> list[bytes]:
        """Return the messages until ``now_ns``, in the order of the market's time."""
        then_ns, self._now_ns = self._now_ns, max(now_ns, self._now_ns)
        then_ns = max(then_ns, self._now_ns - _LONGEST_STRETCH_NS)
        news: list[tuple[int, int, bytes]] = []  # time, books before trades, message
        news += self._book_news(then_ns)
        news += self._trade_news(then_ns)
        if self._subscribed and self._now_ns - self._heartbeat_ns >= HEARTBEAT_NS:
            self._heartbeat_ns = self._now_ns
            news.append((self._now_ns, 2, answers.HEARTBEAT))
        return [message for _, _, message in sorted(news, key=lambda item: item[:2])]

    def _instrument(self, request: Request) -> list[bytes]:
        channel = {"channel": "instrument"}
        if request.method == "unsubscribe":
            was, self._subscribed.instrument = self._subscribed.instrument, False
            if not was:
                return [answers.refused(request, answers.NOT_SUBSCRIBED, self._now_ns)]
            return [answers.granted(request, channel, self._now_ns)]
        if self._subscribed.instrument:
            return [answers.refused(request, answers.ALREADY_SUBSCRIBED, self._now_ns)]
        self._subscribed.instrument = True
        warnings = ["tick_size is deprecated, use price_increment"]
        ack = answers.granted(request, {**channel, "snapshot": True, "warnings": warnings}, self._now_ns)
        return [ack, messages.instrument_message("snapshot", [pair.instrument for pair in self._market.pairs.values()])]

    def _refusal(self, request: Request, symbol: str) -> str:
        """Return why the subscription cannot be, empty when it can."""
        channel, depth = request.params.channel, request.params.depth
        if symbol not in self._market.pairs:
            return answers.UNKNOWN_PAIR.format(symbol)
        if channel == "book" and (not isinstance(depth, int) or depth not in answers.DEPTHS):
            return answers.UNKNOWN_DEPTH
        if channel == "ticker" and request.params.event_trigger not in _TRIGGERS:
            return f"Event trigger {request.params.event_trigger} not supported"
        return answers.ALREADY_SUBSCRIBED if symbol in self._symbols_of(channel) else ""

    def _symbols_of(self, channel: str) -> set[str]:
        s = self._subscribed
        return {"book": set(s.books), "trade": s.trades, "ticker": set(s.tickers)}[channel]

    def _subscribe(self, request: Request, symbol: str) -> tuple[bytes, list[bytes]]:
        """Return the answer about one symbol, and the snapshots that follow all answers."""
        refusal = self._refusal(request, symbol)
        if refusal:
            return answers.refused(request, refusal, self._now_ns, symbol=symbol), []
        params, instrument = request.params, self._market.pairs[symbol].instrument
        result: dict[str, Any] = {"channel": params.channel, "snapshot": params.snapshot, "symbol": symbol}
        snapshot: bytes
        if params.channel == "book":
            book = self._market.book(symbol, self._now_ns, params.depth)
            self._subscribed.books[symbol] = (params.depth, book)
            result = {"channel": "book", "depth": params.depth, "snapshot": params.snapshot, "symbol": symbol}
            snapshot = messages.book_snapshot(instrument, book, self._now_ns)
        elif params.channel == "trade":
            self._subscribed.trades.add(symbol)
            newest = self._market.newest_trades(symbol, SNAPSHOT_TRADES, self._now_ns)
            snapshot = messages.trades("snapshot", instrument, newest)
        else:
            touch = self._market.book(symbol, self._now_ns, answers.DEPTHS[0])
            self._subscribed.tickers[symbol] = (params.event_trigger, (touch.bids[0], touch.asks[0]))
            result["event_trigger"] = params.event_trigger
            snapshot = self._ticker("snapshot", symbol, self._now_ns)
        return answers.granted(request, result, self._now_ns), [snapshot] if params.snapshot else []

    def _unsubscribe(self, request: Request, symbol: str) -> tuple[bytes, list[bytes]]:
        channel, subscribed = request.params.channel, self._subscribed
        result: dict[str, Any] = {"channel": channel, "symbol": symbol}
        is_known = symbol in self._symbols_of(channel)
        if channel == "book" and is_known:
            depth = subscribed.books[symbol][0]
            is_known = depth == request.params.depth
            result = {"channel": channel, "depth": depth, "symbol": symbol}
        if not is_known:
            return answers.refused(request, answers.NOT_SUBSCRIBED, self._now_ns, symbol=symbol), []
        subscribed.books.pop(symbol, None) if channel == "book" else None
        subscribed.tickers.pop(symbol, None) if channel == "ticker" else None
        subscribed.trades.discard(symbol) if channel == "trade" else None
        return answers.granted(request, result, self._now_ns), []

    def _book_news(self, then_ns: int) -> list[tuple[int, int, bytes]]:
        news: list[tuple[int, int, bytes]] = []
        # A client that was stopped for long gets the present book, not every book in between.
        first = max(then_ns // STEP_NS + 1, self._now_ns // STEP_NS - 50)
        for step in range(first, self._now_ns // STEP_NS + 1):
            time_ns = step * STEP_NS
            for symbol, (depth, before) in self._subscribed.books.items():
                book = self._market.book(symbol, time_ns, depth)
                update = messages.book_update(self._market.pairs[symbol].instrument, before, book, time_ns)
                if update is not None:
                    self._subscribed.books[symbol] = (depth, book)
                    news.append((time_ns, 0, update))
            for symbol, (trigger, before_touch) in self._subscribed.tickers.items():
                if trigger != "bbo":
                    continue
                top = self._market.book(symbol, time_ns, answers.DEPTHS[0])
                touch = (top.bids[0], top.asks[0])
                if touch != before_touch:
                    self._subscribed.tickers[symbol] = (trigger, touch)
                    news.append((time_ns, 0, self._ticker("update", symbol, time_ns)))
        return news

    def _trade_news(self, then_ns: int) -> list[tuple[int, int, bytes]]:
        news: list[tuple[int, int, bytes]] = []
        for symbol, pair in self._market.pairs.items():
            has_trades = symbol in self._subscribed.trades
            has_ticker = symbol in self._subscribed.tickers and self._subscribed.tickers[symbol][0] == "trades"
            if not has_trades and not has_ticker:
                continue
            for trade in self._market.trades(symbol, then_ns, self._now_ns):
                if has_trades:
                    news.append((trade.time_ns, 1, messages.trades("update", pair.instrument, [trade])))
                if has_ticker:
                    news.append((trade.time_ns, 1, self._ticker("update", symbol, trade.time_ns)))
        return news

    def _ticker(self, kind: str, symbol: str, time_ns: int) -> bytes:
        book = self._market.book(symbol, time_ns, answers.DEPTHS[0])
        last = self._market.newest_trades(symbol, 1, time_ns)[-1]
        day = self._market.day(symbol, time_ns)
        return messages.ticker(kind, self._market.pairs[symbol], book, last.ticks, day, time_ns)
