"""Every address there is: pages, admin, API, health."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from dashboard.system.api import system_urls
from marketdata.api import api_urls as marketdata_urls
from portfolios.api import api_urls as portfolios_urls
from strategies.api import api_urls as strategies_urls
from strategies.version_api import version_urls
from tradingsite import health
from tradingsite.metrics_page import Metrics

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("api/v1/", include([*marketdata_urls, *portfolios_urls, *strategies_urls, *version_urls, *system_urls])),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
    path("", include("dashboard.urls")),
]
