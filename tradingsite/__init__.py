"""The roof: settings, URLs, the Celery app, and the command that starts everything."""
