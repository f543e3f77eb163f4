"""The REST API of deployments, versions, commands and the league; `api_urls` are its addresses."""

from strategies.api.commands import command_urls
from strategies.api.deployments import deployment_urls
from strategies.api.fees import fee_urls
from strategies.api.league import league_urls
from strategies.api.records import record_urls
from strategies.api.versions import version_urls

api_urls = [*league_urls, *deployment_urls, *record_urls, *command_urls, *fee_urls, *version_urls]
