"""Recording what the feed receives, beside the socket and never in its way."""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from marketdata.disk_errors import disk_words
from marketdata.framing.listener import Listener
from marketdata.framing.records import Kind, Record
from marketdata.recording.files import SUFFIX, Header, RecordingWriter
from marketdata.recording.folders import Index, folder_of, remove_oldest, write_index
from trading.frames import FRAME_DEPTH, utc
from trading.minutes import DAY_NS

FLUSH_EVERY_S = 0.5  # what a crash costs
INDEX_EVERY_S = 5.0
MAX_WAITING_BYTES = 1 << 26
RETRY_S = 10.0  # after an error of the disk
_BATCH_BYTES = 1 << 20
_RECORD_BYTES = 100  # what a record takes in memory beside its payload

_log = logging.getLogger("feed")


class Recorder:
    """A listener's recorder: it queues, and a thread of its own compresses and writes.

    When the disk cannot keep up, records are dropped, counted, and the next that is kept
    begins a new file with the listener's memory: the recording has a gap, never a fault.
    """

    def __init__(
        self,
        root: Path,
        market: str,
        symbols: tuple[str, ...],
        *,
        depth: int = FRAME_DEPTH,
        rotate_bytes: int,
        max_bytes: int,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self.messages = 0  # written
        self._root, self._folder = root, folder_of(root, market)
        self._market, self._symbols, self._depth = market, symbols, depth
        self._rotate_bytes, self._max_bytes, self._max_waiting_bytes = rotate_bytes, max_bytes, max_waiting_bytes
        self._errors: deque[str] = deque(maxlen=100)
        # The listening thread's.
        self._run, self._files, self._noted = 0, 0, 0
        self._time_ns, self._day, self._put_bytes = 0, 0, 0
        self._refused, self._is_dropping = 0, False
        self._reported_refused = self._reported_unwritten = 0
        # Handed over: the queue, and whether a new file is wanted.
        self._queue: deque[Record | Header] = deque()
        self._wants_file = True
        # The writing thread's.
        self._taken_bytes, self._unwritten = 0, 0
        self._writer: RecordingWriter | None = None
        self._index = Index(started_ns=0, ended_ns=0, records=0, messages=0, bytes=0)
        self._indexed_at_s = 0.0
        self._has_requested_file, self._failed_at_s = False, 0.0
        self._trouble = ""  # of the disk, in words
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="recorder", daemon=True)

    @property
    def dropped(self) -> int:
        """How many records, messages and others, no file holds."""
        return self._refused + self._unwritten

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, within_s: float) -> bool:
        """Finish the file; return False when the disk did not take it in time."""
        self._stopping.set()
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def note(self, listener: Listener, kind: Kind, time_ns: int | None, payload: bytes) -> None:
        """Queue one record; never waits."""
        self._time_ns = time_ns = self._time_ns if time_ns is None else time_ns
        waiting = self._put_bytes - self._taken_bytes
        # Once it has dropped, half the room must be free again: one hole, not many.
        self._is_dropping = waiting > (self._max_waiting_bytes // 2 if self._is_dropping else self._max_waiting_bytes)
        if self._is_dropping:
            self._refused += 1
            self._wants_file = True
        else:
            if self._wants_file or time_ns // DAY_NS != self._day:
                self._begin_file(time_ns, listener.memory())
            self._put(Record(kind, time_ns, payload))
        self._noted += 1

    def errors(self) -> list[str]:
        """Return what went wrong since the last time, for the feed's events."""
        messages = []
        while self._errors:
            messages.append(self._errors.popleft())
        if (refused := self._refused) > self._reported_refused:
            messages.append(f"{refused - self._reported_refused} records were dropped: the disk does not keep up")
            self._reported_refused = refused
        if (unwritten := self._unwritten) > self._reported_unwritten:
            lost = unwritten - self._reported_unwritten
            messages.append(f"{lost} records were dropped while the recording was broken off: {self._trouble}")
            self._reported_unwritten = unwritten
        return messages

    def report(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them; the file is named below the recordings' folder."""
        writer = self._writer
        return {
            "file": None if writer is None else str(writer.path.relative_to(self._root)),
            "bytes": 0 if writer is None else writer.bytes,
            "messages": self.messages,
            "dropped": self.dropped,
        }

    def _begin_file(self, time_ns: int, memory: bytes) -> None:
        self._wants_file, self._day, self._run = False, time_ns // DAY_NS, self._run or time_ns
        header = Header(
            market=self._market,
            symbols=self._symbols,
            depth=self._depth,
            started_ns=time_ns,
            run=self._run,
            number=self._files,
            first_record=self._noted,
        )
        self._files += 1
        self._queue.append(header)
        self._put(Record(Kind.MEMORY, time_ns, memory))

    def _put(self, record: Record) -> None:
        self._put_bytes += _size(record)
        self._queue.append(record)

    # In the writing thread

    def _write_all(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._stopping.wait(FLUSH_EVERY_S)  # checked first: what was queued before the end is written
            try:
                self._write_queued()
                if is_over:
                    self._finish()
            except OSError as error:
                self._fail(error)
            self._retry_after_failure()

    def _write_queued(self) -> None:
        batch: list[Record] = []
        batch_bytes = 0
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Header) or batch_bytes >= _BATCH_BYTES:
                full, batch, batch_bytes = batch, [], 0
                self._write(full)
            if isinstance(item, Header):
                self._open(item)
            else:
                self._taken_bytes += _size(item)
                batch.append(item)
                batch_bytes += _size(item)
        self._write(batch)
        if self._writer is not None:
            self._writer.flush()
            self._keep_index(self._writer)

    def _write(self, batch: list[Record]) -> None:
        if not batch:
            return
        writer = self._writer
        if writer is None:  # the disk failed: what came since then has no file
            self._unwritten += len(batch)
            return
        try:
            writer.write(batch)
        except OSError:
            self._unwritten += len(batch)
            raise
        messages = sum(record.kind is Kind.MESSAGE for record in batch)
        self.messages += messages
        self._index.messages += messages
        self._index.records += len(batch)
        self._index.ended_ns = batch[-1].time_ns
        if writer.bytes >= self._rotate_bytes and not self._has_requested_file:
            self._has_requested_file = self._wants_file = True

    def _open(self, header: Header) -> None:
        self._finish()
        for path in remove_oldest(self._root, max(0, self._max_bytes - self._rotate_bytes)):
            _log.info("recording %s removed: all may take %s MB", path.name, self._max_bytes >> 20)
        self._folder.mkdir(parents=True, exist_ok=True)
        moment = utc(header.started_ns)
        path = self._folder / f"{moment:%Y%m%dT%H%M%S.%f}Z-{header.number:04d}{SUFFIX}"
        self._writer = RecordingWriter(path, header)
        fcntl.flock(self._writer.file, fcntl.LOCK_EX)  # while it is held, no reader takes the file for torn
        self._index = Index(
            started_ns=header.started_ns, ended_ns=header.started_ns, records=0, messages=0, bytes=self._writer.bytes
        )
        self._has_requested_file, self._indexed_at_s = False, 0.0
        _log.info("recording to %s", path.relative_to(self._root))

    def _keep_index(self, writer: RecordingWriter) -> None:
        if time.monotonic() - self._indexed_at_s >= INDEX_EVERY_S:
            self._index.bytes = writer.bytes
            write_index(writer.path, self._index)
            self._indexed_at_s = time.monotonic()

    def _finish(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        try:
            self._index.sha256 = writer.finish(self._index.ended_ns)
        finally:
            writer.close()
        self._index.bytes, self._index.is_finished = writer.bytes, True
        write_index(writer.path, self._index)

    def _fail(self, error: OSError) -> None:
        self._trouble = disk_words(error)
        self._errors.append(f"the recording broke off: {self._trouble}")
        self._failed_at_s = time.monotonic()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _retry_after_failure(self) -> None:
        if self._failed_at_s and time.monotonic() - self._failed_at_s >= RETRY_S:
            self._failed_at_s, self._wants_file = 0.0, True


def _size(record: Record) -> int:
    return len(record.payload) + _RECORD_BYTES
