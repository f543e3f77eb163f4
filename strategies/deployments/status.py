"""A deployment's life: which status may follow which."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError

from strategies.models import Deployment, DeploymentStatus
from strategies.transitions import refusal

_ENABLED, _ENTRIES_STOPPED = DeploymentStatus.ENABLED, DeploymentStatus.ENTRIES_STOPPED
_PAUSED, _DISABLED, _QUARANTINED = DeploymentStatus.PAUSED, DeploymentStatus.DISABLED, DeploymentStatus.QUARANTINED

# A command that is given again is a change, too: it has another author and reason, and enabling lifts a halt.
DEPLOYMENT_TRANSITIONS: Mapping[DeploymentStatus, frozenset[DeploymentStatus]] = {
    _ENABLED: frozenset({_ENABLED, _ENTRIES_STOPPED, _PAUSED, _DISABLED, _QUARANTINED}),
    _ENTRIES_STOPPED: frozenset({_ENABLED, _ENTRIES_STOPPED, _PAUSED, _DISABLED, _QUARANTINED}),
    _PAUSED: frozenset({_ENABLED, _ENTRIES_STOPPED, _PAUSED, _DISABLED, _QUARANTINED}),
    _DISABLED: frozenset({_ENABLED, _PAUSED, _DISABLED, _QUARANTINED}),
    # Paused it would be hosted again: only a person who enables it lifts a quarantine.
    _QUARANTINED: frozenset({_ENABLED, _DISABLED}),
}
NOT_HOSTED = frozenset({_DISABLED, _QUARANTINED})  # no worker takes it


def change_status(deployment: Deployment, status: DeploymentStatus, reason: str) -> None:
    """Give ``deployment``, whose row is locked, another status; saving and recording it are the caller's.

    Raises:
        ValidationError: that status does not follow the present one.
    """
    now = DeploymentStatus(deployment.status)
    if sentence := refusal(DEPLOYMENT_TRANSITIONS, deployment.slug, now, status):
        idle = "; no worker takes it" if now in NOT_HOSTED else ""
        raise ValidationError(f"{sentence}{idle}")
    deployment.status, deployment.status_reason = status.value, reason[:500]
