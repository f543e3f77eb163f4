"""The site itself as an app: tokens and links are its rows."""

from django.apps import AppConfig


class TradingSiteConfig(AppConfig):
    """Who may come in."""

    name = "tradingsite"
    verbose_name = "Access"
