"""A worker under its warden: evaluates strategies on the live frames. Any number, on any machine."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection

from marketdata.telemetry import hanging, tracing
from strategies.deployments import services
from strategies.warden.blackbox import BlackBox
from strategies.warden.warden import INTERRUPT, Warden
from strategies.warden.watchdog import Limits
from strategies.worker.evaluations import Evaluations
from strategies.worker.lines import limit_lines
from strategies.worker.loop import WorkerLoop


class Command(BaseCommand):
    """Evaluate strategies on the live frames until SIGTERM."""

    help = "Work deployments: evaluate strategies on market frames and write their orders, fills and positions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what a debugger needs."""
        parser.add_argument(
            "--no-warden", action="store_true", help="work in this process; nothing bounds a strategy's time and memory"
        )

    def handle(self, *args: Any, no_warden: bool, **options: Any) -> None:
        if no_warden:
            work(Evaluations())
            return
        limits = Limits(
            budget_s=settings.PADDOCK_EVALUATION_BUDGET_MS / 1_000,
            hang_s=settings.PADDOCK_HANG_LIMIT_MS / 1_000,
            memory_bytes=settings.PADDOCK_WORKER_MEMORY_MB * 2**20,
        )

        def watched(box: BlackBox) -> None:
            work(Evaluations(box, limits.budget_s, limits.memory_bytes), warden=os.getppid())

        try:
            code = Warden(limits, watched, quarantine, _patience()).run()
        except OperationalError as error:
            raise SystemExit(f"worker: nobody could be quarantined, the database is gone: {error}") from None
        raise SystemExit(code)


def _patience() -> hanging.Patience | None:
    silence_s = hanging.silence_s()
    return hanging.Patience.of(silence_s) if silence_s else None


def work(evaluations: Evaluations, warden: int | None = None) -> None:
    """Evaluate strategies until SIGTERM."""
    tracing.begin("worker")
    worker = WorkerLoop(evaluations, warden)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    signal.signal(INTERRUPT, evaluations.interrupt)
    limit_lines(evaluations.speaker)
    try:
        worker.run()
        tracing.end()  # a warden's child runs no exit handlers
    except OperationalError as error:
        # The leases went with the connection: another worker may hold them by now.
        raise SystemExit(f"worker: the database is gone, and with it the leases: {error}") from None


def quarantine(deployment_id: int, reason: str, detail: str) -> None:
    """Quarantine the deployment that harmed the worker; the connection is for that alone, no worker may inherit it."""
    try:
        services.quarantine_deployment(deployment_id=deployment_id, reason=reason, detail=detail)
    finally:
        connection.close()
