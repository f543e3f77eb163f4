"""Seasons in the admin: to be looked at, and the place where the next one is begun."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from marketdata import bus
from marketdata.admin import ReadOnlyAdmin
from portfolios.models import Liquidity, Season
from portfolios.selectors import current_season
from strategies.seasons import SEASON_NAME, new_season

MAY_BEGIN = "portfolios.add_season"


class SeasonForm(forms.Form):
    """What is to be said of a season that begins; its market is the one that runs."""

    name = forms.CharField(max_length=100, initial=SEASON_NAME)
    liquidity = forms.ChoiceField(choices=Liquidity.choices)
    confirmed = forms.BooleanField(
        label="All accounts are closed, and every deployment begins anew",
        error_messages={"required": "tick it to say that all accounts shall be closed: nothing was done"},
    )


@admin.register(Season)
class SeasonAdmin(ReadOnlyAdmin):
    """Periods of the league."""

    list_display = ("number", "name", "market", "liquidity", "started_at", "ended_at")
    change_list_template = "admin/portfolios/season/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the list, and the one that begins a season."""
        begin = path("begin/", self.admin_site.admin_view(require_POST(self.begin)), name="portfolios_season_begin")
        return [begin, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the seasons, and to those who may begin one a form that begins it."""
        season = current_season()
        form = SeasonForm(initial={"liquidity": season.liquidity if season else Liquidity.PRIVATE})
        context = {"season_form": form if request.user.has_perm(MAY_BEGIN) else None, "running": season}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def begin(self, request: HttpRequest) -> HttpResponse:
        """End the running season, and begin another on its market."""
        if not request.user.has_perm(MAY_BEGIN):
            raise PermissionDenied(f"beginning a season needs the permission {MAY_BEGIN}")
        form, season = SeasonForm(request.POST), current_season()
        market = season.market if season else bus.current_market()
        if not form.is_valid():
            for name, errors in form.errors.get_json_data().items():
                sentence = " ".join(error["message"] for error in errors)
                self.message_user(request, f"{name}: {sentence}", messages.ERROR)
        elif market is None:
            self.message_user(request, "No market is known yet: start a feed first.", messages.ERROR)
        else:
            chosen = form.cleaned_data
            by = request.user.get_username()
            begun = new_season(market=market, by=by, name=chosen["name"], liquidity=chosen["liquidity"])
            self.message_user(request, f"{begun} has begun, with {begun.liquidity} liquidity.", messages.SUCCESS)
        return redirect(reverse("admin:portfolios_season_changelist"))
