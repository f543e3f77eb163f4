"""Received messages counted by channel, and their bytes."""

from __future__ import annotations

CHANNELS = ("book", "trade", "ticker", "heartbeat", "status", "instrument", "ohlc")
_PREFIX = len(b'{"channel":"')
_DISTINCT = 3  # letters of a channel's name that no other begins with


class Traffic:
    """Messages by channel and their bytes: a lookup and two additions each."""

    __slots__ = ("_places", "bytes", "counts")

    def __init__(self) -> None:
        self.bytes = 0
        self.counts = [0] * (len(CHANNELS) + 1)  # the last: answers, and what is of no channel we know
        self._places = {channel[:_DISTINCT].encode(): at for at, channel in enumerate(CHANNELS)}

    def note(self, message: bytes) -> None:
        """Count a message."""
        self.bytes += len(message)
        self.counts[self._places.get(message[_PREFIX : _PREFIX + _DISTINCT], -1)] += 1

    @property
    def by_channel(self) -> dict[tuple[str, ...], float]:
        """How many of each channel."""
        return {(channel,): count for channel, count in zip((*CHANNELS, "other"), self.counts, strict=True)}
