"""REST: the league table, of now or of a past moment, over a window."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketdata import bus
from marketdata.api import requested_choice, requested_time
from portfolios.results.windows import SEASON, WINDOWS
from portfolios.selectors import current_season
from strategies.league.table import OutsideSeason, View, league
from strategies.serializers.league import LeagueSerializer

PARAMETERS = [
    OpenApiParameter("window", str, enum=list(WINDOWS), description="what `window` of each row is about; season"),
    OpenApiParameter("at", OpenApiTypes.DATETIME, description="a past moment of the running season; now"),
]


class LeagueTable(APIView):
    """The league table."""

    @extend_schema(parameters=PARAMETERS, responses=LeagueSerializer)
    def get(self, request: Request) -> Response:
        """Return season, rows (best return of the window first) and totals."""
        window = WINDOWS[requested_choice(request, "window", WINDOWS, default=SEASON.name) or SEASON.name]
        view = View(window, requested_time(request, "at"))
        try:
            found = league(current_season(), bus.feed_state() if view.at is None else None, view)
        except OutsideSeason as error:
            raise ValidationError({"at": [str(error)]}) from None
        return Response(LeagueSerializer(found).data)


league_urls = [path("league/", LeagueTable.as_view(), name="api-league")]
