"""A league as rows: honest defaults, keyword overrides."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from marketdata import bus
from portfolios.models import Account, Command, EquityPoint, Fill, Season, Shadow, Standing
from strategies.models import Deployment

MARKET = "simulated:7"
NOON = datetime(2026, 7, 7, 12, 0, tzinfo=UTC)


def open_season(market: str = MARKET, number: int = 1) -> Season:
    return Season.objects.create(number=number, name="Test league", market=market)


def enter(season: Season | None, slug: str, *, strategy: str = "buy_and_hold", **fields: Any) -> Deployment:
    """Enter a deployment, with an account when there is a season."""
    account = None
    if season is not None:
        account = Account.objects.create(
            season=season, slug=slug, cash=Decimal(100), fee_schedule="kraken-spot-2026-07"
        )
    options = {"name": slug.replace("-", " ").capitalize(), "symbols": ["BTC/USD"], **fields}
    return Deployment.objects.create(slug=slug, strategy=strategy, account=account, **options)


def stand(deployment: Deployment, equity: str, **figures: Any) -> Standing:
    """Give a deployment its standing, or move the one it has."""
    worth = Decimal(equity)
    defaults = {
        "equity": worth,
        "mid_equity": worth,
        "realised": Decimal(0),
        "unrealised": worth - 100,
        "stake": Decimal(100),
        "paid_in": Decimal(100),
        "fees": Decimal(0),
        "exposure": Decimal(0),
        "peak_equity": max(worth, Decimal(100)),
        "drawdown_pct": Decimal(0),
        "max_drawdown_pct": Decimal(0),
        "sequence": 10,
        "as_of": NOON,
        **figures,
    }
    assert deployment.account is not None
    standing, _ = Standing.objects.update_or_create(account=deployment.account, defaults=defaults)
    return standing


def drawn_curve(deployment: Deployment, *, points: int, every: timedelta = timedelta(minutes=1), seed: int = 0) -> None:
    """Give a deployment a curve that ends at noon: a walk that ``seed`` draws, around its stake."""
    steps, worth = random.Random(seed), Decimal(100)
    rows = []
    for ago in range(points - 1, -1, -1):
        worth += Decimal(steps.randint(-20, 20)) / 100
        rows.append(
            EquityPoint(
                account=deployment.account, time=NOON - ago * every, equity=worth, mid_equity=worth,
                stake=100, paid_in=100, realised=0, fees=0, exposure=0, drawdown_pct=0, max_drawdown_pct=0,
                fills=0, round_trips=0, wins=0,
            )
        )  # fmt: skip
    EquityPoint.objects.bulk_create(rows)


def fill(deployment: Deployment, number: int = 1, **fields: Any) -> Fill:
    """Write one fill; ``number`` makes it another one."""
    defaults = {
        "fill_id": f"{deployment.slug}-{number}-0",
        "order_id": f"{deployment.slug}-{number}",
        "symbol": "BTC/USD",
        "side": "buy",
        "qty": Decimal("0.0005"),
        "price": Decimal(64_000),
        "cost": Decimal(32),
        "fee": Decimal("0.128"),
        "quote": "USD",
        "liquidity": "taker",
        "reason": "random entry",
        "evidence": {"rule": "depth_walk"},
        "sequence": number,
        "time": NOON,
        **fields,
    }
    return Fill.objects.create(account=deployment.account, **defaults)


def quote(bid: str, ask: str, *, status: str = "online", book_age_s: float | None = 0.2) -> dict[str, Any]:
    return {"status": status, "bid": bid, "ask": ask, "last": bid, "book_age_s": book_age_s, "trade_age_s": 1.0}


def feed(**changes: Any) -> dict[str, Any]:
    """Return a healthy feed's figures, as `bus.feed_state` does."""
    return {
        "source": "simulated",
        "market": MARKET,
        "connected": True,
        "finished": False,
        "messages": 1_000,
        "messages_per_s": 80.0,
        "checksums_verified": 900,
        "checksum_failures": 0,
        "resyncs": 0,
        "trades": 50,
        "trade_gaps": 0,
        "reconnects": 0,
        "frames": 100,
        "last_sequence": 100,
        "last_frame_age_s": 0.1,
        "system": "online",
        "symbols": {"BTC/USD": quote("64000.0", "64000.1")},
        **changes,
    }


def run_feed(**changes: Any) -> None:
    """Have a feed running, as far as its readers can tell; it is gone ten seconds later."""
    state = feed(**changes)
    del state["last_frame_age_s"]
    bus.write_feed_state({**state, "last_published_at_s": time.time()})


def shadow(deployment: Deployment, fill_model: str, equity: str | None, **fields: Any) -> Shadow:
    """Give a deployment a shadow that was forked at noon, when both were worth 100."""
    defaults = {
        "since_sequence": 5,
        "since": NOON,
        "since_equity": Decimal(100),
        "equity": None if equity is None else Decimal(equity),
        "mid_equity": None if equity is None else Decimal(equity),
        "result": None if equity is None else Decimal(equity) - 100,
        "sequence": 10,
        "as_of": NOON,
        "checkpoint": b"",
        **fields,
    }
    return Shadow.objects.create(account=deployment.account, fill_model=fill_model, **defaults)


def payment(deployment: Deployment, amount: Decimal | int, *, note: str = "", **fields: Any) -> Command:
    """Have a deposit into a deployment's account (+) or a withdrawal (-) requested, or what ``fields`` say of it."""
    arguments = {"amount": str(amount), "currency": "USD", "note": note}
    if fields.get("state") == "done":
        fields = {"result": {"value": str(amount)}, **fields}
    return Command.objects.create(
        **{"account": deployment.account, "kind": "pay", "arguments": arguments, "requested_by": "anna", **fields}
    )
