"""Bringing into a feed's market what it did not watch: history from the database, then from REST."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping

from django.db import DatabaseError, close_old_connections, connection

from marketdata.kraken.candles import snapshot_message
from marketdata.kraken.rest import MAX_CANDLES, KrakenRest, RestError, RestUnavailable
from marketdata.selectors import newest_candles
from trading.candles import MINUTE_NS, SERIES_CAPACITY, TIMEFRAME_MINUTES, width_ns
from trading.frames import NS_PER_S
from trading.instruments import Instrument
from trading.market import Market

AGAIN_S = 60.0  # when the exchange or the database did not answer
PASSES = 3
SETTLED_S = 3.0  # after a minute's end the exchange has it whole
_POLL_S = 0.1

_log = logging.getLogger("feed")


class WarmUp:
    """Works in a thread of its own, beside the socket and never in its way.

    It works at each connection, and again when the next two minutes are over: the one in which the
    connection began, or its books came back, was not watched whole. What is missing is handed to ``receive`` on the
    event loop as messages of the `ohlc` channel, shortest timeframe first: it enters the
    market through a frame, for all workers at the same one. ``report_whole`` is called on the loop
    when nothing was missing any more after a minute that followed the connection.
    ``instruments`` are those of the present connection.
    """

    def __init__(
        self,
        market_name: str,
        market: Market,
        rest: KrakenRest,
        *,
        receive: Callable[[bytes], None],
        instruments: Callable[[], Mapping[str, Instrument]],
        now_ns: Callable[[], int],
        report_whole: Callable[[], None],
    ) -> None:
        self._market_name = market_name
        self._market = market
        self._rest = rest
        self._receive = receive
        self._instruments = instruments
        self._now_ns = now_ns
        self._report_whole = report_whole
        self._is_due = threading.Event()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start; called on the event loop."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="warm-up", daemon=True).start()

    def begin(self) -> None:
        """Check for what is missing, now that there is a new connection."""
        self._is_due.set()

    def stop(self) -> None:
        """Bring nothing more."""
        self._stopping.set()
        self._is_due.set()

    def _run(self) -> None:
        while True:
            self._is_due.wait()
            self._is_due.clear()
            while not self._instruments() and not self._stopping.wait(_POLL_S):
                pass
            if self._stopping.is_set():
                return
            self._warm_up()

    def _warm_up(self) -> None:
        """Bring what is missing, and when they are over what the next minutes lack; begin anew with a connection."""
        for number in range(PASSES):
            minute_ends_ns = self._now_ns() // MINUTE_NS * MINUTE_NS + MINUTE_NS
            while not self._warm_all():
                if self._is_due.wait(AGAIN_S):
                    return
            if number:
                self._on_loop(self._report_whole)
            settled_s = (minute_ends_ns - self._now_ns()) / NS_PER_S + SETTLED_S
            if self._is_due.wait(max(0.0, settled_s)):
                return

    def _warm_all(self) -> bool:
        """Bring what is missing of every series; return False when some of it must be requested again."""
        is_whole, brought, may_request = True, 0, True
        try:
            close_old_connections()
            for timeframe in TIMEFRAME_MINUTES:
                for instrument in list(self._instruments().values()):
                    if self._stopping.is_set():
                        return True
                    try:
                        brought += self._warm(instrument, timeframe, may_request=may_request)
                    except RestError as error:
                        _log.warning("no history: %s", error)
                        is_whole = False
                        # One that does not answer will not answer the next request either.
                        may_request = may_request and not isinstance(error, RestUnavailable)
                        brought += self._warm(instrument, timeframe, may_request=False)
        except DatabaseError as error:
            _log.warning("no history, the database did not answer: %s", str(error).strip())
            is_whole = False
        except Exception:
            # One odd answer must not end the thread: what is missing is requested again.
            _log.exception("no history")
            is_whole = False
        finally:
            connection.close()
        if brought:
            _log.info("brought %s candles of history into %s", f"{brought:,}", self._market_name)
        return is_whole

    def _warm(self, instrument: Instrument, timeframe: str, *, may_request: bool) -> int:
        """Bring what is missing of one series; return how many candles that were."""
        width, now_ns = width_ns(timeframe), self._now_ns()
        known = self._known(instrument, timeframe)
        stored = newest_candles(self._market_name, {instrument.symbol: instrument}, [timeframe])
        history = {closed.candle.start_ns: closed.candle for closed in stored if closed.candle.start_ns not in known}
        newest_ns = now_ns // width * width
        recent = {newest_ns - back * width for back in range(1, MAX_CANDLES + 1)}
        if may_request and not recent <= known | history.keys():
            fetched = self._rest.candles(instrument, timeframe)
            # A stored candle that counts in no market yet is replaced by the exchange's newest.
            history |= {candle.start_ns: candle for candle in fetched if candle.start_ns not in known}
        missing = sorted((c for c in history.values() if c.start_ns + width <= now_ns), key=lambda c: c.start_ns)
        if missing:
            self._deliver(snapshot_message(instrument, timeframe, missing[-SERIES_CAPACITY:]), instrument.symbol)
        return len(missing)

    def _known(self, instrument: Instrument, timeframe: str) -> set[int]:
        snapshot = self._market.snapshot()
        if instrument.symbol not in snapshot.instruments:
            return set()
        return set(snapshot.candles(instrument.symbol, timeframe).start_ns.tolist())

    def _deliver(self, message: bytes, symbol: str) -> None:
        def deliver() -> None:
            # A connection that has gone meanwhile requests it again when it is back.
            if symbol in self._instruments():
                self._receive(message)

        self._on_loop(deliver)

    def _on_loop(self, call: Callable[[], None]) -> None:
        assert self._loop is not None, "started before it delivers"
        with contextlib.suppress(RuntimeError):  # the loop has ended, and so does the feed
            self._loop.call_soon_threadsafe(call)
