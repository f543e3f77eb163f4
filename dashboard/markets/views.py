"""The pages of the markets, as they are before their socket takes over."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.markets.listing import UnknownInstrument, markets_scene
from dashboard.markets.scene import market_scene
from dashboard.page.panel import drawn
from dashboard.panels import MARKET_PANELS, MARKETS_PANELS


@require_safe
@never_cache
def markets(request: HttpRequest) -> HttpResponse:
    """Return the list of markets."""
    return render(request, "dashboard/markets.html", {"panels": drawn(MARKETS_PANELS, markets_scene())})


@require_safe
@never_cache
def market(request: HttpRequest, slug: str) -> HttpResponse:
    """Return one instrument's page; order book and tape come with the socket, so the page does not wait for them."""
    if slug != slug.upper():
        return redirect("market-page", slug=slug.upper(), permanent=True)
    try:
        scene = market_scene(slug, with_book=False)
    except UnknownInstrument as error:
        raise Http404(f"Market not found: {error}.") from None
    return render(request, "dashboard/market.html", {"panels": drawn(MARKET_PANELS, scene), "scene": scene})
