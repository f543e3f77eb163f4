"""Where a feed listens, and the name of its market."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from marketdata.kraken.answers import DEPTHS
from marketdata.kraken.symbols import UnknownPairName, symbols_of
from marketdata.proxies import proxy_for
from marketdata.recording.files import SUFFIX
from marketdata.recording.folders import files_in, read_index, sha256_of
from trading.frames import FRAME_DEPTH

KINDS = ("kraken", "simulated", "recording")
DEFAULT_SYMBOLS = "BTC/USD,ETH/USD,XRP/USD,XRP/BTC"
_RECORDING_SUFFIXES = (".gz", ".ndjson", ".json", SUFFIX)


class UnknownSource(ValueError):
    """Not a source that a feed can listen to."""


@dataclass(frozen=True, slots=True)
class Source:
    """What ``run_feed --source`` names."""

    kind: str  # one of KINDS
    path: Path | None = None  # of a recording
    seed: int = 1  # of the simulated market

    def __str__(self) -> str:
        return f"recording:{self.path.name}" if self.path is not None else self.kind

    @property
    def market(self) -> str:
        """The market's name: the same source always gives the same name, no two sources share one."""
        if self.kind == "recording":
            assert self.path is not None, "a recording has a path"
            return f"recording:{_stem(self.path)}:{_digest(self.path)}"
        return f"simulated:{self.seed}" if self.kind == "simulated" else self.kind


def parse_source(text: str, path: str | None = None, *, seed: int = 1) -> Source:
    """Return the source that ``kraken``, ``simulated``, ``recording:PATH`` or ``recording`` and a path name.

    Raises:
        UnknownSource: the text names none, or the recording cannot be read.
    """
    kind, colon, rest = text.partition(":")
    if kind not in KINDS:
        raise UnknownSource(f"source is {text!r}; expected kraken, simulated or recording:PATH")
    if kind != "recording":
        if colon or path:
            raise UnknownSource(f"source {kind} takes no path; got {rest or path!r}")
        return Source(kind, seed=seed)
    named = rest or path
    if not named:
        raise UnknownSource("source recording needs a path: recording:PATH")
    file = Path(named)
    if not file.is_file() and not (file.is_dir() and files_in(file)):
        raise UnknownSource(f"recording {named} is not a file that can be read, nor a folder of recordings")
    return Source(kind, path=file)


def configured(name: str, default: str) -> str:
    """Return the setting, else the environment variable, else the default."""
    return str(getattr(settings, name, None) or os.environ.get(name) or default)


def watched_symbols() -> tuple[str, ...]:
    """Return the pairs that a feed watches when none are given, however they are spelled.

    Raises:
        ValueError: FEED_SYMBOLS holds what is no pair.
    """
    try:
        return symbols_of(configured("FEED_SYMBOLS", DEFAULT_SYMBOLS).replace(",", " ").split())
    except UnknownPairName as error:
        raise ValueError(f"FEED_SYMBOLS: {error}") from None


def watched_depth() -> int:
    """Return how many levels a side a feed subscribes to.

    Raises:
        ValueError: not one that Kraken grants.
    """
    text = configured("FEED_DEPTH", str(FRAME_DEPTH))
    if text not in map(str, DEPTHS):
        raise ValueError(f"FEED_DEPTH is {text!r}; expected one of {', '.join(map(str, DEPTHS))}")
    return int(text)


def kraken_answers(url: str, *, timeout_s: float) -> bool:
    """Return whether an exchange at ``url`` greets a new connection with its status in time."""
    try:
        proxy = proxy_for(url)
        with connect(url, open_timeout=timeout_s, close_timeout=1, proxy=proxy.url if proxy else None) as socket:
            greeting = json.loads(socket.recv(timeout=timeout_s))
    except (OSError, WebSocketException, ValueError):  # a timeout is an OSError, bad JSON a ValueError
        return False
    return isinstance(greeting, dict) and greeting.get("channel") == "status"


def _stem(path: Path) -> str:
    name = path.name
    for suffix in _RECORDING_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _digest(path: Path) -> str:
    if path.is_dir():
        digests = [_whole_digest(file) for file in files_in(path)]
        return hashlib.sha256("".join(digests).encode()).hexdigest()[:8]
    return _whole_digest(path)[:8]


def _whole_digest(path: Path) -> str:
    index = read_index(path)  # spares reading gigabytes of what is finished
    if index is not None and index.sha256 is not None and index.bytes == path.stat().st_size:
        return index.sha256
    return sha256_of(path)
