"""What is kept in the cache is data: whoever can write to Redis can change a figure, but run nothing in a process."""

from __future__ import annotations

from typing import Any

import msgspec


class Serializer:
    """MessagePack for Django's Redis cache; whole numbers as they are, so that Redis can count them."""

    def dumps(self, value: Any) -> Any:
        """Return the value as Redis keeps it."""
        return value if type(value) is int else msgspec.msgpack.encode(value)

    def loads(self, kept: Any) -> Any:
        """Return the value that Redis kept; None, as if there were nothing, for what is none of ours."""
        try:
            return int(kept)
        except ValueError:
            pass
        try:
            return msgspec.msgpack.decode(kept)
        except msgspec.MsgspecError:
            return None
