"""Flatten now: asked by a person, begun between two frames by the worker that holds the deployment, done once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from portfolios.commands.flattening import flattenings_to_begin, open_flattening, record_begun, record_done, record_wait
from portfolios.models import Account, Flattening, FlatteningState
from strategies.deployments.events import record_event
from strategies.deployments.services import set_status
from strategies.models import Deployment, DeploymentStatus
from strategies.worker.hosting import Hosted
from trading.engine import Engine
from trading.engine.flattening import Flattened, begin_flattening
from trading.engine.outcome import Outcome
from trading.frames import utc

if TYPE_CHECKING:
    from strategies.worker.runner import Runner

_PREFIX = "flatten-"
NOTHING_OPEN = "nothing was open: the account had not begun"


@transaction.atomic
def flatten_deployment(*, deployment: Deployment, by: str) -> Flattening:
    """Pause the deployment, and ask its worker to cancel all its orders and close every position at market.

    It stays paused afterwards. Asked again meanwhile, the first command goes on.

    Raises:
        ValidationError: it has no open account, or harmed its worker.
    """
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update())
    if deployment.status == DeploymentStatus.QUARANTINED:
        raise ValidationError(f"{deployment.slug} is quarantined: no worker takes it; enable it first, or reset it")
    account = Account.objects.filter(deployment=deployment, closed_at=None).first()
    if account is None:
        raise ValidationError(f"{deployment.slug} has no open account: nothing is open")
    flattening = open_flattening(account)
    if flattening is not None and deployment.status == DeploymentStatus.PAUSED:
        return flattening
    reason = f"flatten by {by}"
    set_status(deployment, DeploymentStatus.PAUSED, "flatten", f"{reason}: paused, all is closed", by=by, reason=reason)
    return flattening or Flattening.objects.create(account=account, by=by[:150])


def begin_flattenings(runner: Runner) -> set[str]:
    """Begin what is asked of the hosted accounts and commit it; return the slugs that changed.

    The row and the checkpoint that knows of the command are one transaction: whenever the process
    dies, it was begun once or is still asked for.
    """
    hosted_by_account = {hosted.account_id: hosted for hosted in runner.present()}
    with transaction.atomic():
        flattenings = list(flattenings_to_begin(hosted_by_account))
        for flattening in flattenings:
            _begin(flattening, hosted_by_account[flattening.account_id])
        return runner.flush() if flattenings else set()


def begin_on(engine: Engine, flattening: Flattening) -> None:
    """Give the command to an engine: that of its deployment, or another that follows the same money.

    Raises:
        ValueError: the account has not begun.
    """
    begin_flattening(engine, f"{_PREFIX}{flattening.pk}", flattening.by)


def _begin(flattening: Flattening, hosted: Hosted) -> None:
    state = hosted.engine.state
    flattening.sequence = state.sequence
    try:
        begin_on(hosted.engine, flattening)
    except ValueError:
        flattening.state, flattening.sentence = FlatteningState.DONE, NOTHING_OPEN
        flattening.done_sequence = state.sequence
    else:
        flattening.state, flattening.begun_at = FlatteningState.UNDER_WAY, utc(state.time_ns)
        hosted.shadows.share(lambda shadow: begin_on(shadow, flattening))
    hosted.flattenings.append(flattening)


def record_flattenings(hosted: Hosted) -> None:
    """Write how far commands have come. Safe to repeat."""
    record_begun(hosted.flattenings)
    for outcome in hosted.outcomes:
        if outcome.flattened is not None:
            _record_done(hosted, outcome, outcome.flattened)
    under_way = hosted.engine.state.flattening
    told = None if under_way is None else under_way.waits_for
    if told is not None and under_way is not None and told != hosted.wait_told:
        record_wait(pk=_row_id(under_way.command_id), sentence=told)
    hosted.wait_told = told


def _record_done(hosted: Hosted, outcome: Outcome, done: Flattened) -> None:
    at = utc(outcome.time_ns)
    pk = _row_id(done.command_id)
    if not record_done(pk=pk, orders=done.orders, dust=done.dust, sequence=outcome.sequence, at=at):
        return
    orders = "1 market order" if done.orders == 1 else f"{done.orders} market orders"
    summary = f"flattened, as {done.by} had commanded, with {orders}"
    if done.dust:
        summary = f"{summary}; {done.dust}"
    event_id = f"{hosted.account_id}-{outcome.sequence}-flattened"
    record_event(hosted.deployment, event_id, "flatten", summary, sequence=outcome.sequence, time=at)


def _row_id(command_id: str) -> int:
    return int(command_id.removeprefix(_PREFIX))
