"""A season on the captured market: its frames on the stream, runners that host its league, and what a replay gives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

from marketdata import bus
from marketdata.recording.reading import recorded_frames
from portfolios.models import LedgerEntry
from portfolios.selectors import current_season, fills_digest
from strategies.league.files import LeagueFile
from strategies.models import Deployment
from strategies.worker.runner import Runner
from tests.leagues import CAPTURE, written
from tests.processes import running
from trading.frames import Frame

MARKET = "recording:test:00000000"


@cache
def captured_frames() -> tuple[Frame, ...]:
    """Return the frames of the capture."""
    return tuple(recorded_frames(CAPTURE))


@contextmanager
def on_the_stream(frames: Sequence[Frame] = ()) -> Iterator[list[Frame]]:
    """Publish ``frames``, or all of the capture, to an empty stream; yield them."""
    published = list(frames or captured_frames())
    bus.redis_client().flushall()
    bus.publish(MARKET, published)
    yield published
    bus.redis_client().flushall()


def host(runner: Runner, deployments: Iterable[Deployment]) -> Runner:
    """Have ``runner`` host ``deployments``; those that come late catch up from the stream."""
    for deployment in deployments:
        runner.host(deployment, partial(bus.read, MARKET))
    return runner


def season_digest() -> str:
    """Return the fingerprint of the running season's fills."""
    return fills_digest(current_season())


def replayed(league: LeagueFile, folder: Path, *options: str) -> dict[str, Any]:
    """Return what the command says of a replay of ``league`` over the capture."""
    out = StringIO()
    path = written(league, folder / "league.toml")
    call_command("replay", str(CAPTURE), "--league", str(path), *options, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


# With the real processes


def feed(log: Path, speed: float) -> Any:
    """Run a feed that plays the capture."""
    return running("manage.py", "run_feed", "--source", f"recording:{CAPTURE}", "--speed", str(speed), log=log)


def worker(log: Path) -> Any:
    """Run a worker."""
    return running("manage.py", "run_worker", log=log)


def market_is_worked_through(deployments: int) -> bool:
    """Return whether the recording is over and as many deployments' cursors stand at its last frame."""
    state, season = bus.feed_state(), current_season()
    if season is None or not state or not state["finished"]:
        return False
    last = bus.latest_sequence(state["market"])
    return season.accounts.filter(standing__sequence__gte=last).count() == deployments


def ledger_sums() -> dict[tuple[int, str], Any]:
    """Return the sums of the accounts' own ledger entries, by account and currency."""
    sums: dict[tuple[int, str], Any] = {}
    for entry in LedgerEntry.objects.filter(party="account"):
        key = (entry.account_id, entry.currency)
        sums[key] = sums.get(key, 0) + entry.amount
    return sums
