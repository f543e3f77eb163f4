"""The web process: pages and API over HTTP, live panels over WebSockets."""

import atexit
import os
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

# Only now that Django is set up may the rest be imported. The Celery app makes itself the
# current one, so that a view can queue a job.
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import re_path

from dashboard.routing import websocket_urlpatterns
from dashboard.stream.socket import StreamSocket
from marketdata.telemetry import tracing
from marketdata.telemetry.reporting import Reporter
from tradingsite.access.policy import own_pages_only, readers_only, readers_or_programs
from tradingsite.celery import app as celery_app
from tradingsite.web.connection_limits import guard_daphne
from tradingsite.web.pacing import paced
from tradingsite.web.request_limits import Application, Turns
from tradingsite.web.sockets import refusing, unknown_socket
from tradingsite.web_metrics import WEB, counted_sockets

__all__ = ["application", "celery_app"]

REQUEST_THREADS = 8  # unless the number of connections says otherwise

nowhere: Any = unknown_socket
pages = own_pages_only(readers_only(URLRouter([*websocket_urlpatterns, re_path(r"", nowhere)])))
sockets = URLRouter(
    [
        re_path(r"^api/v1/stream/?$", counted_sockets(readers_or_programs(StreamSocket.as_asgi()), WEB)),
        re_path(r"", counted_sockets(pages, WEB)),
    ]
)
turns = Turns(
    cast("Application", http),
    threads=settings.PADDOCK_DATABASE_POOL or REQUEST_THREADS,
    limit_s=settings.PADDOCK_REQUEST_LIMIT_S,
    note=WEB.note_refused,
)
application = ProtocolTypeRouter({"http": turns, "websocket": paced(refusing(sockets))})
guard_daphne()
tracing.begin("web")
atexit.register(Reporter("web", WEB.collect).start().stop)
