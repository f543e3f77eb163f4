"""Django's registration of the app."""

from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    """What is owned and how it came about."""

    name = "portfolios"
    default_auto_field = "django.db.models.BigAutoField"
