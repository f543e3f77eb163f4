"""Django's registration of the app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Telling people what has happened."""

    name = "dashboard.notifications"
    label = "notifications"
