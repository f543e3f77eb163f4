"""One renderer per page and process: a page is rendered once for all its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

from dashboard.deployment.scene import deployment_scene
from dashboard.feed.scene import FeedChoice, feed_scene
from dashboard.league.scene import league_scene, window_query
from dashboard.markets.listing import markets_scene
from dashboard.markets.scene import market_scene
from dashboard.page.broadcaster import QUICKEST_S, Broadcaster
from dashboard.panels import DEPLOYMENT_PANELS, FEED_PANELS, LEAGUE_PANELS, MARKET_PANELS, MARKETS_PANELS, SYSTEM_PANELS
from dashboard.system.scene import system_scene
from portfolios.results.windows import Window
from strategies.league.table import View

_running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Broadcaster]] = WeakKeyDictionary()


def league_broadcaster(window: Window) -> Broadcaster:
    """Return the broadcaster of the league page for one window, in this process."""
    # No slug holds a question mark.
    return _broadcaster(
        f"league{window_query(window)}", lambda: Broadcaster(partial(league_scene, View(window)), LEAGUE_PANELS)
    )


def deployment_broadcaster(slug: str) -> Broadcaster:
    """Return the broadcaster of one deployment's page in this process."""
    return _broadcaster(slug, lambda: Broadcaster(partial(deployment_scene, slug), DEPLOYMENT_PANELS, slug))


def feed_broadcaster(choice: FeedChoice) -> Broadcaster:
    """Return the broadcaster of the feed page, for those who chose the same kind and timeframe."""
    return _broadcaster(f"feed{choice.query}", lambda: Broadcaster(partial(feed_scene, choice), FEED_PANELS, slug=""))


def markets_broadcaster() -> Broadcaster:
    """Return the broadcaster of the list of markets in this process."""
    return _broadcaster("markets?", lambda: Broadcaster(markets_scene, MARKETS_PANELS, slug=""))


def market_broadcaster(slug: str) -> Broadcaster:
    """Return the broadcaster of one instrument's page in this process; its book moves as fast as any page may."""
    make = partial(Broadcaster, partial(market_scene, slug), MARKET_PANELS, beat_s=QUICKEST_S)
    return _broadcaster(f"market?{slug}", make)


def system_broadcaster() -> Broadcaster:
    """Return the system page's broadcaster of this process."""
    return _broadcaster("system?", lambda: Broadcaster(system_scene, SYSTEM_PANELS, slug=""))


def _broadcaster(topic: str, make: Callable[[], Broadcaster]) -> Broadcaster:
    topics = _running.setdefault(asyncio.get_running_loop(), {})
    if topic not in topics:
        topics[topic] = make()
    return topics[topic]
