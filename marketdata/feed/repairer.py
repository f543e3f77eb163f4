"""Fetching from REST the prints that the socket missed, beside the socket and never in its way."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from marketdata.feed.repairs import Question, Repairs
from marketdata.kraken.events import MarketEvent, TradesLost
from marketdata.kraken.rest import KrakenRest, RestError
from marketdata.kraken.tape import Tape
from marketdata.kraken.trades import repair_message
from trading.frames import Trade
from trading.instruments import Instrument

POLL_S = 1.0
MAX_PAGES = 20  # of a thousand prints, for one hole

_LOOK_EVERY_S = 1.0  # whether the loop that is to answer has ended

_T = TypeVar("_T")
_log = logging.getLogger("feed")


class _Ended(Exception):
    """The feed's loop answers no more."""


class Repairer:
    """Carries the requests of `Repairs` to REST in a thread of its own; all else runs on the event loop.

    What is found is handed to ``receive`` as a message, so that a recording holds it; a hole
    that stays open is handed to ``report``.
    """

    def __init__(
        self,
        rest: KrakenRest,
        *,
        receive: Callable[[bytes], None],
        report: Callable[[list[MarketEvent]], None],
        tape: Callable[[], Tape],
        instruments: Callable[[], Mapping[str, Instrument]],
        now_ns: Callable[[], int],
    ) -> None:
        self._rest = rest
        self._receive = receive
        self._report = report
        self._tape = tape
        self._instruments = instruments
        self._now_ns = now_ns
        self._repairs = Repairs()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start; called on the event loop."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="repairer", daemon=True).start()

    def stop(self) -> None:
        """Request nothing more."""
        self._stopping.set()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(POLL_S):
                while not self._stopping.is_set() and (question := self._on_loop(self._question)) is not None:
                    self._try(question)
        except _Ended:
            _log.debug("the feed has ended, and so do its repairs")

    def _try(self, question: Question) -> None:
        """Carry a question; whatever goes wrong with it, the next one has its turn."""
        try:
            self._carry(question)
        except _Ended:
            raise
        except Exception:
            _log.exception("a request for %s's trades failed, and is made again later", question.symbol)
            self._on_loop(lambda: self._failed(question))

    def _carry(self, question: Question) -> None:
        instrument = self._on_loop(lambda: self._instruments().get(question.symbol))
        if instrument is None:
            return  # the connection has gone meanwhile
        try:
            trades = self._fetched(instrument, question)
        except RestError as error:
            _log.warning("missed trades: %s", error)
            self._on_loop(lambda: self._failed(question))
        else:
            self._on_loop(lambda: self._answered(question, instrument, trades))

    def _fetched(self, instrument: Instrument, question: Question) -> list[Trade]:
        """Return the prints since the question's; as far as its hole, or one page of them."""
        found: list[Trade] = []
        for number, page in enumerate(self._rest.trades(instrument, question.since_ns - 1), start=1):
            found += page
            if question.hole is None or page[-1].trade_id >= question.hole.last_id or number == MAX_PAGES:
                break
        return found

    # On the event loop

    def _question(self) -> Question | None:
        return self._repairs.question(self._tape(), self._instruments(), self._now_ns())

    def _answered(self, question: Question, instrument: Instrument, trades: list[Trade]) -> None:
        wanted = self._repairs.answered(question, self._tape(), trades, self._now_ns())
        # A new connection begins with the exchange's instruments: the hole is requested again after them.
        if wanted and question.symbol in self._instruments():
            self._receive(repair_message(instrument, wanted))
        self._report_if_lost(question)

    def _failed(self, question: Question) -> None:
        self._repairs.failed(question, self._now_ns())
        self._report_if_lost(question)

    def _report_if_lost(self, question: Question) -> None:
        hole = question.hole
        if hole is not None and self._repairs.is_lost(question, self._tape()):
            self._report([TradesLost(question.symbol, hole.first_id, hole.last_id, "REST does not have them either")])

    def _on_loop(self, work: Callable[[], _T]) -> _T:
        """Return what ``work`` returns on the event loop.

        Raises:
            _Ended: the loop has ended.
        """
        assert self._loop is not None, "started before it requests"
        answer: Future[_T] = Future()

        def do() -> None:
            try:
                answer.set_result(work())
            except Exception as error:
                answer.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(do)
        except RuntimeError:
            raise _Ended from None
        while True:
            try:
                return answer.result(_LOOK_EVERY_S)
            except TimeoutError:
                if answer.done():
                    raise  # it is the work's own
                if self._stopping.is_set() or self._loop.is_closed():
                    raise _Ended from None
