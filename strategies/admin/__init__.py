"""The admin pages of deployments, seasons, versions and fees."""
