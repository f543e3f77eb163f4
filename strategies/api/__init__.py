"""The REST API of deployments, versions, commands and the league."""
