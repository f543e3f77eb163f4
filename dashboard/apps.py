"""Django's registration of the app."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Seeing it live."""

    name = "dashboard"
