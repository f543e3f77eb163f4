"""Addresses of the live pages' sockets."""

from django.urls import path

from dashboard.consumers import DeploymentPage, FeedPage, LeaguePage, MarketPage, MarketsPage

websocket_urlpatterns = [
    path("ws/league/", LeaguePage.as_asgi()),
    path("ws/markets/", MarketsPage.as_asgi()),
    path("ws/markets/<str:slug>/", MarketPage.as_asgi()),
    path("ws/feed/", FeedPage.as_asgi()),
    path("ws/deployments/<slug:slug>/", DeploymentPage.as_asgi()),
]
