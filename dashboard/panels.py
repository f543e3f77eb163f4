"""The live parts of the pages. A panel's template is `dashboard/panels/<name>.html`; it reads `scene`.

To add one: an entry here and the template of the same name. Page and socket iterate over the list.
"""

from __future__ import annotations

from dashboard.page.panel import Panel

MARKET = Panel("market", "Market", has_prices=True)

LEAGUE_PANELS = (
    MARKET,
    Panel("totals", "Totals"),
    Panel("prices", "Prices", has_prices=True),
    Panel("leaderboard", "Leaderboard", has_rows=True),
    Panel("trade_feed", "Live trades", is_quick=True),
)

# How things stood: a past moment has no prices of its own.
PAST_LEAGUE_PANELS = tuple(panel for panel in LEAGUE_PANELS if panel.name != "prices")

FEED_PANELS = (
    MARKET,
    Panel("trust", "Market data status", has_prices=True),
    Panel("connection", "Connection", has_prices=True),
    Panel("lag", "Lag", has_prices=True),
    Panel("recording", "Recording", has_prices=True),
    Panel("quality", "Quality", has_prices=True),
    Panel("symbols", "Symbols", has_prices=True),
    Panel("feed_events", "Feed events"),
    Panel("coverage", "Stored candles"),
)

MARKETS_PANELS = (MARKET, Panel("markets", "Markets", has_prices=True))

MARKET_PANELS = (
    MARKET,
    Panel("market_quote", "Quote", has_prices=True),
    Panel("market_chart", "Chart"),
    Panel("market_ladder", "Order book", has_prices=True),
    Panel("market_tape", "Tape", has_prices=True),
    Panel("market_fills", "League fills"),
    Panel("market_rules", "Rules", has_prices=True),
    Panel("market_fees", "Fees"),
    Panel("market_coverage", "Stored candles"),
)

SYSTEM_PANELS = (
    MARKET,
    Panel("system_words", "System status", has_prices=True),
    Panel("system_vitals", "Key figures", has_prices=True),
    Panel("system_workers", "Workers"),
    Panel("system_processes", "Processes"),
    Panel("system_jobs", "Jobs"),
    Panel("system_database", "Database"),
    Panel("system_redis", "Redis"),
    Panel("system_house", "Disk, versions, backup"),
)

DEPLOYMENT_PANELS = (
    MARKET,
    Panel("deployment", "Deployment"),
    Panel("figures", "Figures"),
    Panel("equity_chart", "Equity"),
    Panel("shadows", "Fill models"),
    Panel("positions", "Positions", has_prices=True),
    Panel("open_orders", "Open orders"),
    Panel("fills", "Fills"),
    Panel("round_trips", "Closed round trips"),
    Panel("exits", "By exit reason"),
    Panel("instruments", "Instruments"),
    Panel("payments", "Deposits and withdrawals"),
    Panel("why", "No-trade reasons"),
    Panel("refusals", "Rejected orders"),
    Panel("indicators", "Indicators"),
    Panel("events", "Events"),
    Panel("cost", "Cost"),
    Panel("config", "Configuration"),
    Panel("revisions", "Changes"),
)
