"""Django's registration of the app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Notifications."""

    name = "dashboard.notifications"
    label = "notifications"
