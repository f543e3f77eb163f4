"""The contents of the stream guide, read from the message types."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from dashboard.consumers import LOGIN_NEEDED
from dashboard.guide.contract import Entry, fields_of
from dashboard.stream import hub, messages, socket


@lru_cache(maxsize=1)
def stream_guide() -> dict[str, Any]:
    """Return the page's contents; the code does not change while it runs."""
    return {
        "version": messages.VERSION,
        "channels": fields_of(messages.Channel),
        "client_messages": [_described(kind) for kind in messages.FROM_CLIENT],
        "server_messages": [_described(kind) for kind in messages.FROM_SERVER],
        "problem": fields_of(messages.Problem),
        "price": fields_of(messages.Price),
        "codes": [
            (socket.TOO_SLOW, "too slow: too many messages were waiting; reconnect and resume"),
            (socket.TOO_MANY_MESSAGES, f"more than {socket.MOST_MESSAGES} messages within {socket.WITHIN_S:.0f} s"),
            (socket.TRY_AGAIN_LATER, "temporarily unavailable; reconnect later"),
            (LOGIN_NEEDED, "the token or share link has expired or was revoked"),
            (1009, "message too long"),
        ],
        "most_characters": messages.MOST_CHARACTERS,
        "most_names": messages.MOST_NAMES,
        "most_messages": socket.MOST_MESSAGES,
        "most_changes": socket.MOST_CHANGES,
        "within_s": int(socket.WITHIN_S),
        "heartbeat_s": int(hub.HEARTBEAT_S),
        "quickest_s": hub.QUICKEST_S,
    }


@lru_cache(maxsize=1)
def stream_schema() -> dict[str, Any]:
    """Return the JSON Schema of every message, by direction."""
    kinds = (*messages.FROM_CLIENT, *messages.FROM_SERVER)
    references, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The stream of Paddock, {messages.VERSION}",
        "$defs": {
            **parts,
            "FromClient": {"oneOf": list(references[: len(messages.FROM_CLIENT)])},
            "FromServer": {"oneOf": list(references[len(messages.FROM_CLIENT) :])},
        },
    }


def _described(kind: type[msgspec.Struct]) -> tuple[str, str, list[Entry]]:
    tag = str(kind.__struct_config__.tag)
    entries = [Entry("type", "", help=repr(tag))]
    if issubclass(kind, messages.Fact):
        entries += fields_of(messages.Fact)
    entries += fields_of(kind)
    named = [Entry(entry.name.rstrip("_"), entry.form, _default(entry), entry.help, entry.raises) for entry in entries]
    return tag, kind.__doc__ or "", named


def _default(entry: Entry) -> str:
    return "" if entry.default.startswith("field(") else entry.default
