"""How much of a deployment's result depends on its fill model, or why that is unknown."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from portfolios.models import Shadow
from portfolios.results.optimism import Optimism, optimism_of
from portfolios.selectors import LeagueRow
from strategies.models import Deployment
from strategies.terms import ShadowChoice


def deployment_optimism(deployment: Deployment, row: LeagueRow, shadows: Sequence[Shadow]) -> Optimism:
    """Return how far apart the fill models are for the deployment in ``row``, whose shadows these are."""
    if deployment.shadows == ShadowChoice.OFF:
        shadows = []  # rows that its worker has yet to remove are no news any more
    others = [shadow for shadow in shadows if shadow.fill_model != deployment.fill_model]
    return optimism_of(row, deployment.fill_model, others, _why_none(deployment.shadows, row.rank))


def past_optimism(deployment: Deployment, row: LeagueRow) -> Optimism:
    """Return that it is unknown: of shadows the newest figures are kept, not those of past moments."""
    return optimism_of(row, deployment.fill_model, [], "how the fill models stood then is not kept")


def _why_none(choice: str, rank: int) -> str:
    """Return why a deployment at this place may have no shadows."""
    if choice == ShadowChoice.OFF:
        return "its shadows are switched off"
    if choice == ShadowChoice.AUTO and rank > settings.PADDOCK_SHADOWS_TOP:
        return f"only the best {settings.PADDOCK_SHADOWS_TOP} of the league have shadows"
    return "no worker has begun its shadows yet"
