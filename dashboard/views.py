"""The pages, as they are before their socket takes over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.deployment.scene import UnknownDeployment, deployment_scene
from dashboard.feed.scene import UnknownChoice, feed_choice, feed_scene
from dashboard.guide.strategy_guide import guide
from dashboard.league.comparison import NothingToCompare, comparison
from dashboard.league.scene import LeagueScene, UnknownView, league_scene, requested_view, window_query
from dashboard.page.panel import Drawn, drawn
from dashboard.page.together import Together
from dashboard.panels import DEPLOYMENT_PANELS, FEED_PANELS, LEAGUE_PANELS, PAST_LEAGUE_PANELS, SYSTEM_PANELS
from dashboard.stream.guide import stream_guide, stream_schema
from dashboard.system.scene import system_scene
from portfolios.fees import known_schedules
from portfolios.models import Fill
from portfolios.selectors import trading_fill
from strategies.deployments import services
from strategies.deployments.commands import flatten_deployment
from strategies.league.table import View
from strategies.models import Deployment
from trading.exchange.evidence import rederived
from trading.exchange.examples import EXAMPLES
from trading.exchange.models import FILL_MODELS

CHANGES: dict[str, tuple[Callable[..., object], str]] = {
    "pause": (services.pause_deployment, "is paused: no new signals; open orders, stops and targets stay active"),
    "stop_entries": (
        services.stop_entries,
        "opens no new entries or adds; exits and stops keep working",
    ),
    "flatten": (flatten_deployment, "is paused and flattening: orders are cancelled, positions closed at market"),
    "enable": (services.enable_deployment, "is enabled: new signals from the next frame"),
    "reset": (services.reset_deployment, "has a new account with the full starting balance; the old record is kept"),
}

_leagues = Together[tuple[LeagueScene, list[Drawn]]]()


@require_safe
@never_cache
def league(request: HttpRequest) -> HttpResponse:
    """Return the league page: ``?window=24h``, and with ``at=2026-07-08T12:00:00Z`` as it stood then."""
    try:
        view = requested_view(request.GET.get("window", ""), request.GET.get("at", ""))
        scene, panels = _leagues.run(view, partial(_drawn_league, view))
    except UnknownView as error:
        raise Http404(f"No such view of the league: {error}.") from None
    context = {
        "panels": panels,
        "view": view,
        "reach": scene.league.reach,
        "window_query": window_query(view.window),
    }
    return render(request, "dashboard/league.html", context)


def _drawn_league(view: View) -> tuple[LeagueScene, list[Drawn]]:
    scene = league_scene(view)
    return scene, drawn(LEAGUE_PANELS if view.at is None else PAST_LEAGUE_PANELS, scene)


@require_safe
@never_cache
def feed(request: HttpRequest) -> HttpResponse:
    """Return the feed page, with the events and charts that the query chooses."""
    try:
        choice = feed_choice(request.GET.get("kind", ""), request.GET.get("timeframe", ""))
    except UnknownChoice as error:
        raise Http404(f"No such view of the feed: {error}.") from None
    context = {"panels": drawn(FEED_PANELS, feed_scene(choice)), "choice": choice}
    return render(request, "dashboard/feed.html", context)


@require_safe
@never_cache
def system(request: HttpRequest) -> HttpResponse:
    """Return the system page; without the database, the page of an anonymous reader."""
    context = {"panels": drawn(SYSTEM_PANELS, system_scene())}
    try:
        return render(request, "dashboard/system.html", context)
    except DatabaseError:
        return HttpResponse(render_to_string("dashboard/system.html", context))


@require_safe
@never_cache
def deployment(request: HttpRequest, slug: str) -> HttpResponse:
    """Return a deployment's page."""
    try:
        scene = deployment_scene(slug)
    except UnknownDeployment:
        raise Http404(f"No deployment is called {slug!r}.") from None
    context = {"panels": drawn(DEPLOYMENT_PANELS, scene), "deployment": scene.deployment}
    return render(request, "dashboard/deployment.html", context)


@require_safe
@never_cache
def compare(request: HttpRequest) -> HttpResponse:
    """Return deployments side by side: ``?with=SLUG&with=OTHER``."""
    try:
        found = comparison(request.GET.getlist("with"))
    except NothingToCompare as error:
        raise Http404(f"Cannot compare: {error}.") from None
    return render(request, "dashboard/compare.html", {"comparison": found})


@require_safe
@never_cache
def fill(request: HttpRequest, pk: int) -> HttpResponse:
    """Return a fill as recorded and as recomputed from its evidence."""
    row = get_object_or_404(Fill.objects.select_related("account"), pk=pk)
    context = {"fill": row, "derivation": rederived(trading_fill(row), known_schedules())}
    return render(request, "dashboard/fill.html", context)


@require_safe
def how_fills_happen(request: HttpRequest) -> HttpResponse:
    """Return the rules of the paper exchange, each with a worked example that is a test."""
    context = {"examples": EXAMPLES, "models": FILL_MODELS.values(), "schedules": known_schedules()}
    return render(request, "dashboard/how_fills_happen.html", context)


@require_safe
def strategy_guide(request: HttpRequest) -> HttpResponse:
    """Return the guide for strategy authors, generated from the contract's code."""
    return render(request, "dashboard/strategy_guide.html", guide())


@require_safe
def stream(request: HttpRequest) -> HttpResponse:
    """Return the guide to the stream, generated from its message types."""
    return render(request, "dashboard/stream.html", stream_guide())


@require_safe
def stream_schema_file(request: HttpRequest) -> JsonResponse:
    """Return the JSON Schema of the stream's messages."""
    return JsonResponse(stream_schema(), content_type="application/schema+json")


@require_POST
def change_deployment(request: HttpRequest, slug: str, change: str) -> HttpResponse:
    """Pause, enable, flatten or otherwise command a deployment; it needs the trader or admin role."""
    if not request.user.is_authenticated:
        return redirect_to_login(f"/deployments/{slug}")
    if not request.user.has_perm("strategies.change_deployment"):
        raise PermissionDenied("needs trader or admin role")
    if change not in CHANGES:
        raise Http404(f"{change!r} is not a command of a deployment; expected one of {', '.join(CHANGES)}.")
    service, done = CHANGES[change]
    row = get_object_or_404(Deployment, slug=slug)
    try:
        service(deployment=row, by=request.user.get_username())
    except ValidationError as error:
        messages.error(request, "; ".join(error.messages))
    else:
        messages.success(request, f"{row.name} {done}.")
    return redirect("deployment", slug=slug)
