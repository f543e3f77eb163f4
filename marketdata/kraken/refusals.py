"""Subscriptions that the exchange refused, or never answered: requested again later, ever more slowly."""

from __future__ import annotations

import msgspec

from trading.frames import NS_PER_S

FIRST_PAUSE_NS = 10 * NS_PER_S  # doubled with every refusal
LONGEST_PAUSE_NS = 160 * NS_PER_S


class Refusal(msgspec.Struct, array_like=True):
    """How often in a row, and when to try again; zero: it was requested and awaits its answer."""

    count: int = 0
    again_ns: int = 0


class Refusals(msgspec.Struct):
    """Those of one connection, but for books, which have more reasons to be absent."""

    by_channel: dict[str, dict[str, Refusal]] = {}

    def refused(self, channel: str, symbol: str, time_ns: int) -> None:
        """Take note of one."""
        refusal = self.by_channel.setdefault(channel, {}).setdefault(symbol, Refusal())
        refusal.again_ns = time_ns + min(LONGEST_PAUSE_NS, FIRST_PAUSE_NS << min(refusal.count, 10))
        refusal.count += 1

    def granted(self, channel: str, symbol: str) -> None:
        """Forget one: it was granted after all."""
        self.by_channel.get(channel, {}).pop(symbol, None)

    def due(self, time_ns: int) -> list[tuple[str, list[str]]]:
        """Return each channel with the symbols to subscribe to now."""
        found = []
        for channel, refusals in self.by_channel.items():
            symbols = [symbol for symbol, one in refusals.items() if 0 < one.again_ns <= time_ns]
            for symbol in symbols:
                refusals[symbol].again_ns = 0
            if symbols:
                found.append((channel, symbols))
        return found
