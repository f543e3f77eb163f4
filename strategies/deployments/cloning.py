"""Clone a deployment: the same terms and version but for what is said, with an account and a record of its own."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from strategies.deployments.challengers import LONGEST_NAME, LONGEST_SLUG, free_slug
from strategies.deployments.events import event_of, record_events
from strategies.deployments.services import create_deployment, fields_of
from strategies.models import Deployment

COPY = " (copy)"


@transaction.atomic
def clone_deployment(*, deployment: Deployment, by: str, name: str = "", slug: str = "", **changes: Any) -> Deployment:
    """Enter a copy of ``deployment`` in the league, but for ``changes``; a config given is the whole config.

    Without a name it is named after the original, without a slug after its name. Another strategy is
    traded as it is now.

    Raises:
        ValidationError: per field, or a field that a deployment does not have.
    """
    fields = fields_of(deployment)
    unknown = sorted(set(changes) - set(fields))
    if unknown:
        raise ValidationError({name: f"{name} cannot be set; {', '.join(sorted(fields))} can" for name in unknown})
    if changes.get("strategy", deployment.strategy) != deployment.strategy:
        changes = {"strategy_hash": "", **changes}
    name = name or deployment.name[: LONGEST_NAME - len(COPY)] + COPY
    wanted = slug or unused_slug(slugify(name)[:LONGEST_SLUG] or deployment.slug)
    note = f"cloned from {deployment.slug}"
    clone = create_deployment(by=by, note=note, **{**fields, **changes, "name": name, "slug": wanted})
    summary = f"{clone.slug} was cloned from it by {by}"
    record_events([event_of(deployment, f"clone-{clone.slug}", "config", summary, time=timezone.now())])
    return clone


def unused_slug(slug: str) -> str:
    """Return ``slug``, or with a number after it if a deployment has it."""
    return free_slug(slug) if Deployment.objects.filter(slug=slug).exists() else slug
