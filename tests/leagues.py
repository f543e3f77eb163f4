"""Leagues and markets for tests that need deployments at work."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from strategies.league.files import DeploymentEntry, LeagueFile
from tests.captures import DATA

ROOT = Path(__file__).resolve().parent.parent
CAPTURE = DATA / "kraken_v2_capture" / "live-btc-eth.ndjson"
CAPTURE_2023 = DATA / "kraken_v2_capture_2023" / "orderbook-v2.json"


def restless_league(count: int = 6, *, size_usd: int = 10, cash: int = 100) -> LeagueFile:
    """Return random traders that trade about once a second over the captured pairs, and one that holds."""
    config = {"trades_per_minute": 60, "size_usd": size_usd, "stop_loss_pct": 0.02, "take_profit_pct": 0.02}
    symbols = [["BTC/USD"], ["ETH/USD"], ["BTC/USD", "ETH/USD"]]
    traders = [
        DeploymentEntry(
            slug=f"random-{n}", strategy="random_trader", symbols=symbols[n % 3], config=config, cash=Decimal(cash)
        )
        for n in range(count)
    ]
    return LeagueFile(deployments=[*traders, DeploymentEntry(slug="hold", strategy="buy_and_hold")])


def hungry_league() -> LeagueFile:
    """Return a restless league whose orders empty levels: who comes first has them."""
    return restless_league(size_usd=20_000, cash=200_000)


def written(league: LeagueFile, path: Path) -> Path:
    """Write ``league`` as a file that `replay --league` reads."""
    lines = []
    for entry in league.deployments:
        pairs = ", ".join(f"{key} = {value}" for key, value in entry.config.items())
        lines += ["[[deployments]]", f'slug = "{entry.slug}"', f'strategy = "{entry.strategy}"']
        lines += [f"symbols = {entry.symbols}".replace("'", '"'), f'cash = "{entry.cash}"', f"config = {{ {pairs} }}"]
    path.write_text("\n".join(lines))
    return path
