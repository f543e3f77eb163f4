"""The frame bus: one Redis stream per market, and the state of the feed that publishes it.

The only file that names a Redis key of the feed; `telemetry/report_store` names those of the processes' reports.
An entry's id is ``<sequence>-0``, so the server itself refuses a frame that was published before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, cast

import redis
from django.conf import settings

from marketdata.market_names import is_recording
from marketdata.redis_connection import redis_client
from trading.frames import FRAME_INTERVAL_MS, Frame, decode_frame, encode_frame

KEPT_FRAMES = 15 * 60 * 1_000 // FRAME_INTERVAL_MS  # fifteen minutes of market time
KEPT_RECORDED_FRAMES = 200_000
FOLLOW_LIMIT = 500  # frames that one `follow` returns at most
FEED_STATE_TTL_S = 10

_MARKET_KEY = "paddock:feed:market"
_STATE_KEY = "paddock:feed:state"
_STREAM_PREFIX = "paddock:frames:"
_FIELD = b"f"
_LEASE_PREFIX = "paddock:feed:lease:"
_REFUSED_ID = "equal or smaller than the target stream top item"
_LEASE_TIMEOUT_S = 1.0  # asked on the feed's own loop after a sleep: it must answer or fail soon

# A lease is a hash: the holder's token, which only grows, and how often it was renewed.
_TAKE_LEASE = """
local now = redis.call('TIME')
local token = tonumber(redis.call('HGET', KEYS[1], 'token') or '0') + 1
token = math.max(token, now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('HSET', KEYS[1], 'token', string.format('%.0f', token), 'beat', 0)
return token
"""
_IS_FENCED = """
local known = redis.call('HGET', KEYS[1], 'token')
if known and tonumber(known) > tonumber(ARGV[1]) then return -1 end
redis.call('HSET', KEYS[1], 'token', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'beat', 1)
"""
_RENEW_LEASE = f"{_IS_FENCED} return 1"
_PUBLISH = f"""{_IS_FENCED}
local new = 0
for at = 3, #ARGV, 2 do
  local answer = redis.pcall('XADD', KEYS[2], ARGV[at], 'f', ARGV[at + 1])
  if type(answer) ~= 'table' or not answer.err then
    new = new + 1
  elseif not string.find(answer.err, '{_REFUSED_ID}', 1, true) then
    return redis.error_reply(answer.err)
  end
end
redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[2])
return new
"""


class BusError(RuntimeError):
    """The stream did not take a frame for a reason other than having it already."""


class LeaseLost(RuntimeError):
    """Another feed has taken the market over: nothing was published."""


def publish(market: str, frames: list[Frame], *, token: int | None = None) -> int:
    """Append ``frames`` in order; return how many were new.

    A frame whose sequence the stream has reached before is left out: played again, a
    recording publishes nothing. With the ``token`` of a lease they are published only while it is the newest.

    Raises:
        LeaseLost: it is not.
    """
    if not frames:
        return 0
    key = _stream_key(market)
    if token is not None:
        return _publish_leased(market, frames, token)
    pipeline = redis_client().pipeline(transaction=False)
    for frame in frames:
        pipeline.xadd(key, {_FIELD: encode_frame(frame)}, id=f"{frame.sequence}-0")
    # In a command of its own: trimming must not depend on the last frame being new.
    if is_recording(market):
        pipeline.xtrim(key, maxlen=KEPT_RECORDED_FRAMES, approximate=True)
    else:
        pipeline.xtrim(key, minid=f"{max(0, frames[-1].sequence - KEPT_FRAMES)}-0", approximate=True)
    answers = pipeline.execute(raise_on_error=False)[:-1]
    for answer in answers:
        if isinstance(answer, redis.ResponseError) and _REFUSED_ID in str(answer):
            continue
        if isinstance(answer, redis.ConnectionError | redis.TimeoutError):
            raise answer
        if isinstance(answer, Exception):
            raise BusError(f"{key} refused a frame: {answer}") from answer
    return sum(not isinstance(answer, Exception) for answer in answers)


def held(market: str, frames: list[Frame]) -> int:
    """Return how many of ``frames`` the stream holds just so: one of their sequence may be another feed's."""
    found = redis_client().xrange(_stream_key(market), f"{frames[0].sequence}-0", f"{frames[-1].sequence}-0")
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
    known = {fields[_FIELD] for _id, fields in entries}
    return sum(encode_frame(frame) in known for frame in frames)


def _publish_leased(market: str, frames: list[Frame], token: int) -> int:
    """Compare the token and append the frames as one command: nobody can take over in between."""
    oldest = max(0, frames[-1].sequence - KEPT_FRAMES)
    entries = [part for frame in frames for part in (f"{frame.sequence}-0", encode_frame(frame))]
    keys = (_lease_key(market), _stream_key(market))
    try:
        new = cast("int", redis_client().eval(_PUBLISH, 2, *keys, str(token), f"{oldest}-0", *entries))
    except redis.ResponseError as error:
        raise BusError(f"{keys[1]} refused a frame: {error}") from error
    if new < 0:
        raise LeaseLost(f"market {market} has a newer feed than the one with token {token}")
    return new


def take_lease(market: str) -> int:
    """Make whoever calls the only one to publish ``market``; return the token with which to publish."""
    return cast("int", _lease_client().eval(_TAKE_LEASE, 1, _lease_key(market)))


def renew_lease(market: str, token: int) -> bool:
    """Show that the holder of ``token`` lives; return False when another has taken the lease."""
    return cast("int", _lease_client().eval(_RENEW_LEASE, 1, _lease_key(market), str(token))) > 0


def lease_beat(market: str) -> tuple[int, int] | None:
    """Return token and number of renewals of the lease, None where nobody has ever taken it."""
    token, beat = cast("list[bytes | None]", _lease_client().hmget(_lease_key(market), ["token", "beat"]))
    return None if token is None or beat is None else (int(token), int(beat))


@lru_cache(maxsize=1)
def _lease_client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_LEASE_TIMEOUT_S, socket_connect_timeout=_LEASE_TIMEOUT_S
    )


def _lease_key(market: str) -> str:
    return f"{_LEASE_PREFIX}{market}"


def follow(market: str, after_sequence: int, block_ms: int, limit: int = FOLLOW_LIMIT) -> list[Frame]:
    """Return the next frames after ``after_sequence``, oldest first, at most ``limit``.

    Waits up to ``block_ms`` for a first one (zero: not at all); empty when none came.
    """
    answer = redis_client().xread({_stream_key(market): f"{after_sequence}-0"}, count=limit, block=block_ms or None)
    # Without decode_responses redis-py returns [[key, [(id, {field: value}), …]]].
    streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", answer)
    return [decode_frame(fields[_FIELD]) for _key, entries in streams for _id, fields in entries]


def read(market: str, after_sequence: int) -> Iterator[Frame]:
    """Yield every frame after ``after_sequence`` that is there now, oldest first; wait for none."""
    while frames := follow(market, after_sequence, block_ms=0):
        yield from frames
        after_sequence = frames[-1].sequence


def latest_sequence(market: str) -> int:
    """Return the newest frame's sequence, 0 when the stream is empty."""
    return _sequence_of(redis_client().xrevrange(_stream_key(market), count=1))


def earliest_sequence(market: str) -> int:
    """Return the oldest kept frame's sequence, 0 when the stream is empty."""
    return _sequence_of(redis_client().xrange(_stream_key(market), count=1))


def current_market() -> str | None:
    """Return the market that the newest feed publishes, or published last; None before any feed ran."""
    name = cast("bytes | None", redis_client().get(_MARKET_KEY))
    return name.decode() if name else None


def announce_market(market: str) -> None:
    """Say which market the feed publishes from now on."""
    redis_client().set(_MARKET_KEY, market)


def write_feed_state(state: dict[str, Any]) -> None:
    """Store the feed's figures for ``FEED_STATE_TTL_S``: a feed that died is soon known to be gone."""
    redis_client().set(_STATE_KEY, json.dumps(state, allow_nan=False), ex=FEED_STATE_TTL_S)


def clear_feed_state() -> None:
    """Say that no feed runs any more."""
    redis_client().delete(_STATE_KEY)


def feed_state() -> dict[str, Any] | None:
    """Return the running feed's figures, None when no feed runs or Redis does not answer.

    ``last_frame_age_s`` is how long ago, by the wall clock, the newest frame was published;
    None before the first.
    """
    try:
        payload = cast("bytes | None", redis_client().get(_STATE_KEY))
    except redis.RedisError:
        # A page that can still show what the database remembers is worth more than an error.
        return None
    if payload is None:
        return None
    state: dict[str, Any] = json.loads(payload)
    published_at_s = state.pop("last_published_at_s", None)
    state["last_frame_age_s"] = None if published_at_s is None else max(0.0, round(time.time() - published_at_s, 3))
    return state


class Stream(NamedTuple):
    """What the bus holds of one market."""

    market: str
    frames: int
    first_sequence: int  # zero when there is none
    last_sequence: int


def streams() -> list[Stream]:
    """Return every market's stream, by name; those of markets that are over, too."""
    client = redis_client()
    keys = sorted(cast("Iterable[bytes]", client.scan_iter(f"{_STREAM_PREFIX}*", count=1_000, _type="stream")))
    found = []
    for key in keys:
        market = key.decode().removeprefix(_STREAM_PREFIX)
        frames = cast("int", client.xlen(key))
        found.append(Stream(market, frames, earliest_sequence(market), latest_sequence(market)))
    return found


def _stream_key(market: str) -> str:
    return f"{_STREAM_PREFIX}{market}"


def _sequence_of(entries: Any) -> int:
    return int(entries[0][0].partition(b"-")[0]) if entries else 0
