"""What a feed counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import Metric

from marketdata.telemetry.metrics import counter, gauge, histogram
from trading.frames import NS_PER_S

if TYPE_CHECKING:
    from marketdata.feed.feed import Feed


class FeedMetrics:
    """What the metrics of a feed process are made of; it has no feed while another publishes its market."""

    def __init__(self) -> None:
        self.feed: Feed | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        feed = self.feed
        publishes = "1 while this feed publishes its market, 0 while it stands by."
        yield gauge("paddock_feed_publishing", publishes, int(feed is not None))
        if feed is None:
            return
        health, publisher = feed.health, feed.publisher
        yield counter("paddock_feed_messages", "Messages received.", feed.traffic.by_channel, ["channel"])
        yield counter("paddock_feed_bytes", "Bytes of the messages received.", feed.traffic.bytes)
        checksums = {("ok",): health.checksums_verified, ("failed",): health.checksum_failures}
        yield counter("paddock_feed_checksums", "Order books compared with their checksum.", checksums, ["result"])
        yield counter("paddock_feed_reconnects", "Connections made after the first.", health.reconnects)
        yield counter("paddock_feed_resyncs", "Order books requested again.", health.resyncs)
        yield counter("paddock_feed_refusals", "Requests that the exchange refused.", health.refusals)
        events = {(kind.value,): count for kind, count in list(health.noted.items())}
        yield counter("paddock_feed_events", "Feed events by kind; gaps among them.", events, ["kind"])
        yield counter("paddock_feed_trades", "Public prints received.", health.trades)
        yield gauge("paddock_feed_connected", "1 while the exchange is connected.", int(health.connected))
        about = "How far the newest timestamp of the exchange lies behind its receipt."
        yield histogram("paddock_feed_lag_seconds", about, health.lag.measured)
        yield counter("paddock_feed_frames_published", "Frames that were new to the stream.", publisher.published)
        about = "How long Redis took for a batch of frames."
        yield histogram("paddock_feed_publish_seconds", about, publisher.seconds)
        yield gauge("paddock_feed_backlog_frames", "Frames that wait for Redis.", publisher.waiting)
        newest = feed.newest_ns / NS_PER_S
        yield gauge("paddock_feed_market_time_seconds", "The newest frame's time, in Unix seconds.", newest)
