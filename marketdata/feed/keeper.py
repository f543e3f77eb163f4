"""Handing the market to the database, beside the socket and never in its way."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, connection

from marketdata import services
from marketdata.feed_events import Incident
from marketdata.services import ClosedMinute
from trading.candles import MINUTE_NS, Closed
from trading.frames import Frame
from trading.gaps import foldable
from trading.market import Market
from trading.recount import decimals_of

MAX_BACKLOG = 5_000  # writes that wait for a database that is away; then the oldest are lost
RETRY_S = (1.0, 2.0, 5.0, 10.0)
TRIES_IF_REFUSED = 3  # one may be refused because another feed's is under way
_AWAY = (OperationalError, InterfaceError, InternalError)  # the last: a standby that is not promoted yet

_log = logging.getLogger("feed")


class Keeper:
    """Folds the feed's frames, and writes candles, checkpoints, instruments and incidents in a thread of its own."""

    def __init__(self, market_name: str, market: Market) -> None:
        self.market = market
        self.market_name = market_name
        self._closed: list[tuple[Closed, int]] = []
        self._saved_sequence = market.sequence
        self._backlog: deque[Callable[[], None]] = deque(maxlen=MAX_BACKLOG)
        self._work = threading.Event()
        self._is_stopping = False
        self._hurry = threading.Event()  # set at the end: a retry waits no longer
        self._thread = threading.Thread(target=self._write_all, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def fold(self, frames: Iterable[Frame]) -> None:
        """Take in frames; at each full minute, and with history, queue what is new and a checkpoint."""
        for frame in frames:
            if frame.instruments and self._closed and self._speaks_otherwise(frame):
                self.checkpoint()  # what has closed is counted in the decimals of the frames before this one
            self._closed += [(closed, frame.sequence) for closed in self.market.fold(frame)]
            if frame.instruments:
                record = partial(services.record_instruments, instruments=frame.instruments)
                self._queue(partial(record, market=self.market_name))
            if frame.time_ns % MINUTE_NS == 0 or frame.gap is not None or frame.history:
                self.checkpoint()

    def _speaks_otherwise(self, frame: Frame) -> bool:
        known = self.market.snapshot().instruments
        return any(i.symbol in known and decimals_of(known[i.symbol]) != decimals_of(i) for i in frame.instruments)

    def catch_up(self, frames: Iterable[Frame]) -> None:
        """Fold frames that an earlier feed published after its last checkpoint; what is missing is a gap."""
        for frame in frames:
            known = foldable(frame, self.market)
            if known is not None:
                self.fold([known])

    def checkpoint(self) -> None:
        """Queue the market as it stands."""
        if self.market.sequence <= self._saved_sequence:
            return
        minute = ClosedMinute(
            sequence=self.market.sequence,
            time_ns=self.market.time_ns,
            candles=tuple(self._closed),
            instruments=self.market.snapshot().instruments,
            checkpoint=self.market.checkpoint(),
        )
        self._closed, self._saved_sequence = [], self.market.sequence
        self._queue(partial(services.record_minute, market=self.market_name, minute=minute))

    def note(self, incidents: list[Incident]) -> None:
        """Queue incidents."""
        if incidents:
            self._queue(partial(services.record_incidents, market=self.market_name, incidents=incidents))

    def stop(self, within_s: float) -> bool:
        """Write what is queued and end; return False when the database did not take it in time."""
        self._is_stopping = True
        self._hurry.set()
        self._work.set()
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def wait_until_written(self, within_s: float) -> None:
        """Return when nothing is queued, or when the time is up."""
        done = threading.Event()
        self._queue(done.set)
        done.wait(within_s)

    def _queue(self, write: Callable[[], None]) -> None:
        if len(self._backlog) == MAX_BACKLOG:
            _log.error("the database has been away too long: the oldest of %s waiting writes is lost", MAX_BACKLOG)
        self._backlog.append(write)
        self._work.set()

    def _write_all(self) -> None:
        try:
            while not self._is_stopping or self._backlog:
                self._work.wait()
                self._work.clear()
                if not self._written_all():
                    return
        finally:
            connection.close()

    def _written_all(self) -> bool:
        while self._backlog:
            write = self._backlog[0]
            if not self._written(write):
                return False
            # Gone already if the backlog overflowed meanwhile.
            with contextlib.suppress(ValueError):
                self._backlog.remove(write)
        return True

    def _written(self, write: Callable[[], None]) -> bool:
        """Carry out one write, repeated while the database is away; False when it is stopped meanwhile."""
        for attempt in range(1_000_000):
            try:
                close_old_connections()
                write()
                return True
            except _AWAY as error:
                if self._hurry.is_set() and attempt >= 1:
                    _log.error("the database is away at the end: %s writes are lost: %s", len(self._backlog), error)
                    return False
                self._rest(attempt, error)
            except Exception as error:
                # It is there and refuses: the writes behind this one must not wait for ever.
                if attempt + 1 == TRIES_IF_REFUSED:
                    _log.exception("a write was refused %s times and is left out", TRIES_IF_REFUSED)
                    return True
                self._rest(attempt, error)
        return False

    def _rest(self, attempt: int, error: Exception) -> None:
        """Wait before another try, at the end not at all."""
        connection.close()
        wait_s = RETRY_S[min(attempt, len(RETRY_S) - 1)]
        _log.warning("the database did not take a write, again in %s s: %s", wait_s, " ".join(str(error).split()))
        self._hurry.wait(wait_s)
