"""Addresses of the pages."""

from django.urls import path

from dashboard import audit, views
from dashboard.markets import views as market_views
from dashboard.notifications.views import page_urls as notification_pages

urlpatterns = [
    path("", views.league, name="league"),
    path("fills/<int:pk>/", views.fill, name="fill"),
    path("docs/fills/", views.how_fills_happen, name="how-fills-happen"),
    path("docs/strategies/", views.strategy_guide, name="strategy-guide"),
    path("docs/stream/", views.stream, name="stream-guide"),
    path("docs/stream/schema.json", views.stream_schema_file, name="stream-schema"),
    path("audit/", audit.audit, name="audit"),
    path("compare/", views.compare, name="compare"),
    path("markets/", market_views.markets, name="markets-page"),
    path("markets/<str:slug>/", market_views.market, name="market-page"),
    *notification_pages,
    path("system/", views.system, name="system-page"),
    path("feed/", views.feed, name="feed-page"),
    path("deployments/<slug:slug>", views.deployment, name="deployment"),
    path("deployments/<slug:slug>/", views.deployment, name="deployment-slash"),
    path("deployments/<slug:slug>/<str:change>/", views.change_deployment, name="change-deployment"),
]
