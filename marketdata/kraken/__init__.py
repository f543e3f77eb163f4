"""Kraken Spot: its WebSocket v2 protocol without the socket, and the socket."""
