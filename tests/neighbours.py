"""A deployment that misbehaves and its neighbour, on one runner and the frames of a recorded market."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portfolios.models import Checkpoint, Fill
from strategies.league.files import load_league
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.seasons import open_season
from strategies.worker.evaluations import Evaluations
from strategies.worker.hosting import Hosted
from strategies.worker.runner import Runner
from tests.leagues import restless_league
from tests.making import make_strategy
from tests.season import MARKET, host
from trading.frames import Frame


class League:
    """Two traders on one runner: one whose strategy is replaced, and its neighbour."""

    def __init__(self, evaluations: Evaluations | None = None) -> None:
        load_league(restless_league(2), by="test")
        open_season(market=MARKET)
        self.culprit, self.neighbour = Deployment.objects.select_related("account__season").filter(
            strategy="random_trader"
        )
        self.runner = Runner(MARKET, evaluations)
        host(self.runner, (self.culprit, self.neighbour))

    def give(self, generate_signal: Callable[..., Any]) -> Hosted:
        """Let the culprit's strategy be this function."""
        hosted = self.runner.hosted[self.culprit.pk]
        hosted.engine.strategy = make_strategy(generate_signal)
        return hosted

    def work(self, frames: list[Frame], flush_every: int = 10) -> None:
        for at, frame in enumerate(frames, 1):
            self.runner.process(frame)
            if at % flush_every == 0:
                self.runner.flush()
        self.runner.flush(is_last=True)
        self.culprit.refresh_from_db()

    @property
    def errors(self) -> list[str]:
        rows = DeploymentEvent.objects.filter(deployment=self.culprit, kind="error").order_by("sequence")
        return [row.summary for row in rows]

    def assert_the_neighbour_is_whole(self) -> None:
        assert Fill.objects.filter(account=self.neighbour.account).count() > 1
        stored = Checkpoint.objects.get(account=self.neighbour.account)
        assert stored.sequence == self.runner.sequence
        assert Deployment.objects.get(pk=self.neighbour.pk).status == DeploymentStatus.ENABLED
