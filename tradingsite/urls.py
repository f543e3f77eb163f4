"""Every address there is: pages, admin, API, health."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from dashboard.markets.api import market_urls
from dashboard.notifications.api import notification_urls
from dashboard.system.api import system_urls
from marketdata.api import api_urls as marketdata_urls
from portfolios.api import api_urls as portfolios_urls
from portfolios.audit_api import audit_urls
from strategies.api import api_urls as strategies_urls
from tradingsite import health
from tradingsite.access.share_links import share
from tradingsite.access.views import access_urls, log_in_page, log_out_page
from tradingsite.metrics_page import Metrics
from tradingsite.rest.root import Guide, root_urls

API_URLS = [
    *root_urls,
    *marketdata_urls,
    *market_urls,
    *portfolios_urls,
    *audit_urls,
    *strategies_urls,
    *system_urls,
    *notification_urls,
]

COMMANDS_ADMIN = "admin:portfolios_command_changelist"

handler400 = "tradingsite.web.error_pages.invalid_page"
handler403 = "tradingsite.web.error_pages.forbidden_page"
handler404 = "tradingsite.web.error_pages.unknown_page"
handler500 = "tradingsite.web.error_pages.broken_page"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("api/v1/", include(API_URLS)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", Guide.as_view(url_name="schema"), name="docs"),
    path("share/<str:secret>/", share, name="share"),
    # The lists of payments and of flattenings became the list of commands.
    path("admin/portfolios/payment/", RedirectView.as_view(pattern_name=COMMANDS_ADMIN)),
    path("admin/portfolios/flattening/", RedirectView.as_view(pattern_name=COMMANDS_ADMIN)),
    # One way in and one way out for all roles; each is throttled, logged and asks for the second factor.
    path("admin/login/", log_in_page),
    path("admin/logout/", log_out_page),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password")),
    path("admin/", admin.site.urls),
    *access_urls,
    path("", include("dashboard.urls")),
]
