"""The admin pages of deployments, seasons, versions and fees; Django finds them by importing this package."""

from strategies.admin import deployments, fees, seasons, versions

__all__ = ["deployments", "fees", "seasons", "versions"]
