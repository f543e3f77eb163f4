"""Django's registration of the app."""

from django.apps import AppConfig


class MarketdataConfig(AppConfig):
    """The market: received, published and stored."""

    name = "marketdata"
    verbose_name = "Market data"
    default_auto_field = "django.db.models.BigAutoField"
