"""The command line of ``start.py``, rejected with one line when it makes no sense."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from marketdata.simulation.fault_syntax import InvalidFaults, parse_faults
from tradingsite.installations import DEFAULT_DATA_DIR


class CannotStart(Exception):
    """Paddock cannot start; the message names the thing, the value, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to run, checked."""

    source: str  # auto, kraken, simulated or recording:/absolute/path
    speed: float | None  # times real time; None: the source's own
    faults: str | None  # of the simulated market; None: as the environment says
    duration_s: float | None  # of serving, once ready; None: until it is stopped
    port: int
    workers: int
    data_dir: Path


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotStart(f"{message} (`python3 start.py --help` lists what there is)")


def read_options(arguments: Sequence[str]) -> Options:
    """Return the options in ``arguments``.

    Raises:
        CannotStart: an option is unknown or its value makes no sense.
    """
    parser = _Parser(
        prog="start.py",
        description="Start Paddock: the databases, the feed, the workers, the jobs and the web site.",
        epilog="Also: start.py test [pytest arguments] | check | bench [NAME] [--json]",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--source",
        default="auto",
        metavar="MARKET",
        help="auto (Kraken when it answers, else simulated), kraken, simulated, or recording:PATH",
    )
    parser.add_argument("--speed", metavar="X", help="times real time, for recordings; 0: as fast as it goes")
    parser.add_argument("--faults", metavar="SPEC", help="of the simulated exchange; see docs/simulated-market.md")
    parser.add_argument("--duration", metavar="SECONDS", help="stop after serving for this long")
    parser.add_argument("--port", default="8000", help="where the web site listens (default 8000)")
    parser.add_argument("--workers", default="2", metavar="N", help="processes that trade (default 2)")
    parser.add_argument("--data-dir", metavar="DIR", help="where everything is kept (default: data)")
    found = parser.parse_args(arguments)
    data_dir = Path(found.data_dir).expanduser().absolute() if found.data_dir else DEFAULT_DATA_DIR
    return Options(
        source=_source(found.source),
        speed=None if found.speed is None else _number("--speed", found.speed, zero=True),
        faults=None if found.faults is None else _faults(found.faults, found.source),
        duration_s=None if found.duration is None else _number("--duration", found.duration),
        port=_count("--port", found.port, most=65535),
        workers=_count("--workers", found.workers, most=64),
        data_dir=data_dir,
    )


def _source(value: str) -> str:
    if value in {"auto", "kraken", "simulated"}:
        return value
    kind, _, name = value.partition(":")
    if kind != "recording" or not name:
        raise CannotStart(f"--source is {value!r}: expected auto, kraken, simulated or recording:PATH")
    path = Path(name).expanduser().absolute()
    try:
        with path.open("rb") as recording:
            empty = not recording.read(1)
    except OSError as error:
        raise CannotStart(
            f"--source names the recording {path}, which cannot be read ({error.strerror}): "
            "expected a file of raw frames, one a line"
        ) from None
    if empty:
        raise CannotStart(f"--source names the recording {path}, which is empty: expected raw frames, one a line")
    return f"recording:{path}"


def _faults(text: str, source: str) -> str:
    if source != "simulated":
        raise CannotStart(f"--faults is {text!r} with --source {source}: expected --source simulated")
    try:
        parse_faults(text)
    except InvalidFaults as error:
        raise CannotStart(f"--faults: {error}") from None
    return text


def _number(name: str, value: str, *, zero: bool = False) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if 0 < number < float("inf") or (zero and number == 0):
        return number
    raise CannotStart(f"{name} is {value!r}: expected a number {'of zero or more' if zero else 'above zero'}")


def _count(name: str, value: str, *, most: int) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise CannotStart(f"{name} is {value!r}: expected a whole number from 1 to {most}")
    return int(value)
