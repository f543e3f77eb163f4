"""The notifications page: channels, rules and deliveries."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.notifications import services
from dashboard.notifications.api import MAY_CHANGE
from dashboard.notifications.models import Channel, Delivery, DeliveryState, Rule

PER_PAGE = 100


@require_safe
@never_cache
@permission_required(MAY_CHANGE)
def notifications(request: HttpRequest) -> HttpResponse:
    """Return channels, rules and the newest deliveries: ``?state=failed&page=…``."""
    state = request.GET.get("state", "")
    if state and state not in DeliveryState.values:
        raise Http404(f"No delivery state {state!r}; known states: {', '.join(DeliveryState.values)}.")
    deliveries = Delivery.objects.select_related("rule__channel")
    shown = deliveries.filter(state=state) if state else deliveries
    context = {
        "channels": Channel.objects.all(),
        "rules": Rule.objects.select_related("channel"),
        "page": Paginator(shown, PER_PAGE).get_page(request.GET.get("page")),
        "states": DeliveryState.choices,
        "state": state,
        "state_label": DeliveryState(state).label if state else "",
    }
    return render(request, "dashboard/notifications.html", context)


@require_POST
@permission_required(MAY_CHANGE, raise_exception=True)
def test_channel(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test message to a channel and show its response."""
    channel = get_object_or_404(Channel, pk=pk)
    outcome = services.try_channel(channel, by=request.user.get_username())
    say = messages.success if outcome.is_sent else messages.error
    say(request, f"{channel}: {outcome.answer}")
    return redirect("notifications")


@require_POST
@permission_required(MAY_CHANGE, raise_exception=True)
def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a failed delivery again."""
    delivery = get_object_or_404(Delivery, pk=pk)
    try:
        services.send_again(delivery, by=request.user.get_username())
    except ValidationError as error:
        messages.error(request, "; ".join(error.messages))
    else:
        messages.success(request, f"{delivery.title}: queued again.")
    return redirect("notifications")


page_urls: list[URLPattern] = [
    path("notifications/", notifications, name="notifications"),
    path("notifications/channels/<int:pk>/test/", test_channel, name="test-channel"),
    path("notifications/deliveries/<int:pk>/again/", send_again, name="send-again"),
]
