"""Sockets of pages, opened, and what their messages bring."""

from __future__ import annotations

import asyncio
import re

from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from dashboard.routing import websocket_urlpatterns


def local_socket(application, address, headers=None):
    """Return a socket as a server that listens on loopback hands it on."""
    socket = WebsocketCommunicator(application, address, headers=headers)
    socket.scope |= {"server": ["127.0.0.1", 8000], "client": ["127.0.0.1", 50_000]}
    return socket


async def open_socket(address):
    from channels.routing import URLRouter

    socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), address)
    socket.scope["user"] = AnonymousUser()
    connected, code = await socket.connect(timeout=30)
    return socket, connected, code


def panels_in(message):
    """Return the panels and rows that a message replaces."""
    return re.findall(r'<(?:section|tr) id="(?:panel-)?([a-z_-]+)" hx-swap-oob="morph">', message)


async def changes_of(socket, panel, *, within_s=30.0):
    """Return the next message that brings ``panel``."""
    async with asyncio.timeout(within_s):
        while True:
            message = await socket.receive_from(timeout=within_s)
            if panel in panels_in(message):
                return message
