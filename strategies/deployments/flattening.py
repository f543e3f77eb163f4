"""The request to flatten a deployment."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from portfolios.commands.flattening import open_flattening
from portfolios.models import Account, Flattening
from strategies.deployments.services import set_status
from strategies.models import Deployment, DeploymentStatus


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
