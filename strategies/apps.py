"""Django's registration of the app."""

from django.apps import AppConfig


class StrategiesConfig(AppConfig):
    """Who trades."""

    name = "strategies"
    default_auto_field = "django.db.models.BigAutoField"
