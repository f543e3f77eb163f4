"""The exchange's times against ours: how late messages come, and whose clock is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from statistics import median_low

from marketdata.kraken import wire
from marketdata.kraken.events import BadFrame, ClockMeasured, LagMeasured, MarketEvent
from marketdata.kraken.exchange_clock import WRONG_NS, ExchangeClock
from marketdata.kraken.liveness import Liveness
from marketdata.kraken.prints import AHEAD_NS
from trading.frames import NS_PER_S


class Punctuality:
    """What one connection's times show; its memory is ``liveness`` and ``clock``."""

    def __init__(self, liveness: Liveness, clock: ExchangeClock) -> None:
        self.liveness = liveness
        self.clock = clock

    @property
    def is_in_doubt(self) -> bool:
        """Whether times do not fit our clock, or nothing is known: then the exchange's should be requested."""
        ahead_ns = self.clock.ahead_ns
        if ahead_ns is None or abs(ahead_ns) > WRONG_NS:
            return True
        return abs(self.liveness.recent_lag_ns + ahead_ns) > WRONG_NS if self.liveness.lags_ns else False

    def answered(self, envelope: wire.Envelope, sent_ns: int | None, time_ns: int) -> None:
        """Take what an answer to our own request proves about the exchange's clock."""
        if not sent_ns or not time_ns:
            return
        try:
            taken_ns, answered_ns = wire.nanoseconds(envelope.time_in), wire.nanoseconds(envelope.time_out)
        except (ValueError, TypeError, AttributeError):
            return  # an answer that was whole in all that matters
        self.clock.answered(sent_ns, taken_ns, answered_ns, time_ns)

    def exchange_ns(self, time_ns: int) -> int | None:
        """Return the exchange's present at ``time_ns`` of ours, None while it is not known."""
        ahead_ns = self.clock.ahead_ns
        if ahead_ns is None:
            usual_ns = self.liveness.usual_lag_ns(None)
            ahead_ns = None if usual_ns is None else -usual_ns
        return time_ns + ahead_ns if time_ns and ahead_ns is not None else None

    def books_ns(self, stamps: Mapping[str, str]) -> int:
        """Return the exchange's present by the middle of the books' newest timestamps; zero without any."""
        times_ns = []
        for stamp in stamps.values():
            with contextlib.suppress(ValueError):
                times_ns.append(wire.nanoseconds(stamp))
        return median_low(times_ns) if times_ns else 0

    def measure(self, stamps: Mapping[str, str], received_ns: Mapping[str, int]) -> list[MarketEvent]:
        """Compare each book's newest timestamp with the time at which it came, and the two clocks."""
        lags_ns, events = self._lags(stamps, received_ns)
        ahead_ns = self.clock.ahead_ns
        if lags_ns:
            lag_ns = sorted(lags_ns)[(len(lags_ns) - 1) // 2]  # of one odd pair and a good one the good one counts
            events.append(LagMeasured(lag_ns, self.liveness.measure_lag(lag_ns, ahead_ns)))
        if ahead_ns is not None:
            events.append(ClockMeasured(ahead_ns))
        return events

    def _lags(self, stamps: Mapping[str, str], received_ns: Mapping[str, int]) -> tuple[list[int], list[MarketEvent]]:
        """Return how old each book's newest message was when it came, and an event for each from the future."""
        lags_ns: list[int] = []
        events: list[MarketEvent] = []
        for symbol, stamp in stamps.items():
            try:
                lag_ns = received_ns[symbol] - wire.nanoseconds(stamp)
            except ValueError:
                continue  # a message that was whole in all that matters
            lags_ns.append(lag_ns)
            if -lag_ns > (self.clock.ahead_ns or 0) + AHEAD_NS:
                limit_s = AHEAD_NS // NS_PER_S
                reason = f"book of {symbol} is {-lag_ns // NS_PER_S} s from the future; expected at most {limit_s} s"
                events.append(BadFrame(reason, "", symbol))
        return lags_ns, events
