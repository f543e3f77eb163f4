"""A replay of what the feed has recorded trades as the live market was traded."""

import asyncio
import json
from io import StringIO

import pytest
from django.core.management import call_command

from marketdata import bus
from marketdata.simulation.server import serve_simulation
from strategies.league.files import DeploymentEntry, LeagueFile, deployment_fields
from strategies.league.replay import new_engine
from strategies.models import Deployment
from tests.leagues import written
from tests.marketdata.feeding import make_feed, make_recorder, published, running, until
from trading.fills import digest
from trading.market import Market

pytestmark = pytest.mark.django_db(transaction=True)
CONFIG = {"trades_per_minute": 60, "size_usd": 10, "stop_loss_pct": 0.02, "take_profit_pct": 0.02}


@pytest.fixture(autouse=True)
def _empty_redis():
    bus.redis_client().flushdb()
    yield
    bus.redis_client().flushdb()


def hasty_league() -> LeagueFile:
    symbols = [["BTC/USD"], ["ETH/USD"], ["XRP/USD"]]
    return LeagueFile(
        deployments=[
            DeploymentEntry(slug=f"random-{n}", strategy="random_trader", symbols=symbols[n % 3], config=CONFIG)
            for n in range(6)
        ]
    )


def test_the_fills_of_a_replay_are_those_over_the_frames_of_the_stream(tmp_path):
    async def record() -> None:
        async with serve_simulation(seed=3) as url:
            feed = make_feed(url, recorder=make_recorder(tmp_path / "recorded"))
            async with running(feed):
                await until(lambda: feed.health.trades >= 12 and bus.latest_sequence("simulated:1") > 0)
                await asyncio.sleep(5)

    asyncio.run(record())
    out = StringIO()
    league = written(hasty_league(), tmp_path / "league.toml")
    call_command("replay", str(tmp_path / "recorded"), "--league", str(league), "--json", stdout=out)
    replayed = json.loads(out.getvalue())

    engines = [new_engine(Deployment(**deployment_fields(entry))) for entry in hasty_league().deployments]
    market, fills = Market(), []
    frames = published("simulated:1")
    for frame in frames:
        market.fold(frame)
        snapshot = market.snapshot()
        for engine in engines:
            fills += ((engine.terms.slug, fill) for fill in engine.process(frame, snapshot).fills)

    assert (replayed["frames"], replayed["fills"]) == (len(frames), len(fills))
    assert replayed["fills_sha256"] == digest(fills)
    assert len(fills) > 3
