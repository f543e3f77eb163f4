"""What a web process counts, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import Metric

from dashboard.page.broadcaster import RENDER_SECONDS
from marketdata.telemetry.metrics import Histogram, Labels, counter, gauge, histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class WebTally:
    """What requests and sockets add up to."""

    def __init__(self) -> None:
        self.requests: Counter[Labels] = Counter()  # by route, method and status
        self.request_seconds: defaultdict[Labels, Histogram] = defaultdict(Histogram)  # by route
        self.open_sockets = 0
        self.pushed_messages = 0
        self.pushed_bytes = 0
        self._text, self._text_bytes = "", 0

    def note_request(self, route: str, method: str, status: int, took_s: float) -> None:
        """Take in a request that was answered."""
        self.requests[(route, method if method in METHODS else "other", str(status))] += 1
        self.request_seconds[(route,)].observe(took_s)

    def note_refused(self, method: str, status: int) -> None:
        """Take in a request that was answered before it reached a page."""
        self.requests[("refused", method if method in METHODS else "other", str(int(status)))] += 1

    def note_pushed(self, text: str) -> None:
        """Take in what was sent through a socket."""
        if text is not self._text:  # the same text goes to everyone who looks at a page
            self._text, self._text_bytes = text, len(text.encode())
        self.pushed_messages += 1
        self.pushed_bytes += self._text_bytes

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        labels = ("route", "method", "status")
        yield counter("paddock_web_requests", "Requests answered.", self.requests, labels)
        seconds = dict(self.request_seconds)
        yield histogram("paddock_web_request_seconds", "How long an answer took.", seconds, ["route"])
        yield gauge("paddock_web_sockets_open", "WebSockets that are open.", self.open_sockets)
        yield counter("paddock_web_pushed_messages", "Messages sent through WebSockets.", self.pushed_messages)
        yield counter("paddock_web_pushed_bytes", "Bytes of the text sent through WebSockets.", self.pushed_bytes)
        about = "How long it took to read and draw the panels of a live page, once for all its readers."
        yield histogram("paddock_web_render_seconds", about, RENDER_SECONDS)


WEB = WebTally()  # this process's


def counted_sockets(application: Any, tally: WebTally) -> Any:
    """Return the socket application, with what it sends counted."""

    async def counted(scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def sent(message: dict[str, Any]) -> None:
            if text := message.get("text"):
                tally.note_pushed(text)
            await send(message)

        tally.open_sockets += 1
        try:
            await application(scope, receive, sent)
        finally:
            tally.open_sockets -= 1

    return counted
