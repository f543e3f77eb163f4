"""Giving a listener the inputs of another: the frames come out as they did."""

from __future__ import annotations

from marketdata.framing.listener import InvalidMemory, Listener, Observer
from marketdata.framing.records import Kind, Record
from marketdata.recording.files import InvalidRecording
from trading.frames import Frame

HOLE = "the recording does not hold it"


class Replay:
    """One recording's listener, made anew wherever the recording begins or lacks something."""

    def __init__(self, *, observer: Observer | None = None) -> None:
        self.listener: Listener | None = None
        self._observer = observer
        self._last_sequence = 0

    def take(self, record: Record) -> list[Frame]:
        """Return the frames that were over at this record.

        Raises:
            InvalidRecording: no feed has had this input here.
        """
        if record.kind is Kind.MEMORY:
            self._remember(record.payload)
            return []
        listener = self.listener
        if listener is None:
            raise InvalidRecording(f"the recording begins with {record.kind.name}; expected MEMORY")
        if record.kind is Kind.MESSAGE and not listener.is_connected:
            raise InvalidRecording(f"a message of {len(record.payload)} bytes came without a connection")
        frames = listener.take(record)
        listener.outgoing()  # it was sent then
        # Two feeds may have recorded the same minute: the stream had each frame once.
        frames = [frame for frame in frames if frame.sequence > self._last_sequence]
        if frames:
            self._last_sequence = frames[-1].sequence
        return frames

    def _remember(self, memory: bytes) -> None:
        try:
            self.listener = Listener.remembering(memory, observer=self._observer)
        except InvalidMemory as error:
            raise InvalidRecording(str(error)) from None
        if self._last_sequence:
            self.listener.follow_on(self._last_sequence, HOLE)
