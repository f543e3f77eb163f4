"""Faults of the simulated exchange: a script of what goes wrong and when, and mixtures by seed. All is pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import TypeVar

import msgspec

from marketdata.simulation.chance import mixed, uniform

WAITS_S = 30.0  # so long a fault of one message waits for a message that it fits
CHANNELS = ("book", "trade", "ticker")
SUBJECTS = (*CHANNELS, "instrument", "status", "heartbeat", "answer")
PAIR_STATUSES = ("cancel_only", "post_only", "limit_only", "reduce_only", "maintenance", "work_in_progress")


_T = TypeVar("_T")


class Kind(msgspec.Struct, frozen=True):
    """One kind of fault."""

    what: str
    values: tuple[str, ...] = ()  # what its value may be
    numbers: tuple[float, float] | None = None  # smallest and largest, where the value is a number
    value: str = ""  # when none is given
    lasting_s: float = 0.0  # when none is given; 0: one message, one moment
    may_last: bool = True
    has_symbol: bool = False

    def usage(self, name: str) -> str:
        """Return how it is written."""
        number = f"{self.numbers[0]:g}..{self.numbers[1]:g}" if self.numbers else ""
        value = f"[:{'|'.join(self.values) or number}]" if self.values or number else ""
        return f"{name}{value}@AT{'[+LASTING]' if self.may_last else ''}{'[:SYMBOL]' if self.has_symbol else ''}"


KINDS = {
    "drop": Kind(
        "the connection breaks, without a close frame or with that code; connections are refused while it lasts",
        values=("1001", "1011", "1013"),
    ),
    "silence": Kind("nothing more is sent on the open connection; or, while it lasts, on any: it comes later"),
    "dead": Kind("a subscription falls silent until it is made anew", values=CHANNELS, value="book", has_symbol=True),
    "corrupt": Kind("a level among the best ten is altered, its checksum left right", has_symbol=True),
    "checksum": Kind("a book's checksum is wrong", has_symbol=True),
    "undelete": Kind("the end of a level among the best ten is left out", has_symbol=True),
    "reorder": Kind("a message comes after the next of its kind", values=SUBJECTS, has_symbol=True),
    "duplicate": Kind("a message comes twice", values=SUBJECTS, has_symbol=True),
    "lose": Kind("a message never comes", values=SUBJECTS, has_symbol=True),
    "garbage": Kind("a message that makes no sense; utf8: that is no text at all", values=("utf8",)),
    "giant": Kind(
        "a message of four megabytes: pairs that are not watched, or binary", values=("binary",), may_last=False
    ),
    "slow": Kind("messages come so many seconds late, in order", numbers=(0.1, 60.0), value="3", lasting_s=10.0),
    "rate": Kind("so many requests to subscribe are refused as too many", numbers=(1, 100), value="1", may_last=False),
    "maintenance": Kind(
        "half of so many seconds in maintenance, then cancel_only, then post_only",
        numbers=(0.4, 3_600.0),
        value="20",
        may_last=False,
    ),
    "delist": Kind("the pair is no longer traded; for ever, or while it lasts", lasting_s=inf, has_symbol=True),
    "pair": Kind(
        "the pair has another status", values=PAIR_STATUSES, value="cancel_only", lasting_s=20.0, has_symbol=True
    ),
    "skew": Kind(
        "the exchange's times are so many seconds ahead", numbers=(-3_600.0, 3_600.0), value="5", lasting_s=20.0
    ),
    "rest": Kind(
        "REST answers so: refused, a page, a damaged or endless body, half an answer, another shape",
        values=("429", "500", "502", "503", "520", "html", "gzip", "bomb", "redirect", "half", "shape"),
        value="503",
        lasting_s=20.0,
    ),
    "odd": Kind("a message cannot be read", values=("book", "trade"), value="book", has_symbol=True),
    "refuse": Kind("subscriptions to the pair are refused", lasting_s=20.0, has_symbol=True),
    "stamp": Kind(
        "a trade is stamped so many seconds ahead", numbers=(-1e10, 1e9), value="5400", may_last=False, has_symbol=True
    ),
    "bookstamp": Kind("a book is stamped so many seconds ahead", numbers=(-1e9, 1e9), value="5400", has_symbol=True),
    "ids": Kind("trade ids are so much higher; never below 1", numbers=(-1e15, 1e15), value="1000000", has_symbol=True),
    "zero": Kind(
        "a trade has a price or a quantity of zero, or below",
        values=("price", "qty", "below"),
        value="price",
        has_symbol=True,
    ),
    "unasked": Kind("a message that nobody requested", values=("ack", "ticker", "trade"), value="ack", may_last=False),
    "drip": Kind("on the open connection comes nothing of use any more", may_last=False),
}
_DRAWN_NUMBERS = {
    "stamp": ("5400", "-90000", "31536000", "90"),
    "bookstamp": ("5400", "-90000", "31536000", "90"),
    "ids": ("700", "-1000000000000000", "5000000000", "-40000"),
}

_LONGEST_DRAWN_S = 20.0


class Fault(msgspec.Struct, frozen=True):
    """One fault."""

    name: str  # one of KINDS
    at_s: float  # since the exchange began
    value: str  # as its kind says
    lasting_s: float  # 0: one message, one moment
    symbol: str  # empty: any
    draw: int  # chance, for what its kind leaves open

    @property
    def until_s(self) -> float:
        """When it is over; a fault of one message has found it by then, or never will."""
        if self.name == "maintenance":
            return self.at_s + float(self.value)
        return self.at_s + (self.lasting_s or WAITS_S)

    def is_on(self, now_s: float) -> bool:
        """Return whether it is going on."""
        return self.at_s <= now_s < self.until_s

    def concerns(self, symbol: str) -> bool:
        """Return whether it is about ``symbol``."""
        return self.symbol in ("", symbol)


class Mixture(msgspec.Struct, frozen=True):
    """Faults by chance, evenly spread: the n-th is a hash of seed and n."""

    seed: int
    per_minute: float
    from_s: float
    until_s: float
    symbols: tuple[str, ...]

    def between(self, after_s: float, until_s: float) -> Iterator[Fault]:
        """Yield the faults with ``after_s`` < at <= ``until_s``, oldest first."""
        apart_s = 60.0 / self.per_minute
        until_s = min(until_s, self.until_s)
        at = max(0, int((after_s - self.from_s) / apart_s))
        while (began_s := self.from_s + at * apart_s) <= until_s:
            at_s = round(began_s + apart_s * uniform(self.seed, at, 1), 3)
            if after_s < at_s <= until_s:
                yield self._fault(at, at_s)
            at += 1

    def _fault(self, number: int, at_s: float) -> Fault:
        def drawn(about: int) -> float:
            return uniform(self.seed, number, about)

        name = _picked(tuple(KINDS), drawn(2))
        kind = KINDS[name]
        value = kind.value
        if kind.values and drawn(3) < 0.7:
            value = _picked(kind.values, drawn(4))
        elif name in _DRAWN_NUMBERS:
            value = _picked(_DRAWN_NUMBERS[name], drawn(4))
        elif name in ("slow", "skew", "maintenance", "rate"):
            value = f"{_picked((1, 2, 3, 5), drawn(4)) * (4 if name == 'maintenance' else 1)}"
        is_long = kind.may_last and (kind.lasting_s or drawn(5) < 0.3)
        lasting_s = round(1.0 + (_LONGEST_DRAWN_S - 1.0) * drawn(6), 3) if is_long else 0.0
        symbol = _picked(self.symbols, drawn(7)) if kind.has_symbol else ""
        return Fault(name, at_s, value, lasting_s, symbol, mixed(self.seed, number))


def _picked(choices: tuple[_T, ...], share: float) -> _T:
    return choices[int(share * len(choices))]


class Plan(msgspec.Struct, frozen=True):
    """All that will go wrong: a pure function of time."""

    script: tuple[Fault, ...] = ()
    mixtures: tuple[Mixture, ...] = ()
    text: str = ""  # as it was written

    def __bool__(self) -> bool:
        return bool(self.script or self.mixtures)

    def begun(self, after_s: float, until_s: float) -> list[Fault]:
        """Return the faults with ``after_s`` < at <= ``until_s``, oldest first."""
        found = [fault for fault in self.script if after_s < fault.at_s <= until_s]
        for mixture in self.mixtures:
            found += mixture.between(after_s, until_s)
        return sorted(found, key=lambda fault: fault.at_s)

    def going_on(self, now_s: float) -> list[Fault]:
        """Return the faults that have begun and are not over, oldest first."""
        if not self:
            return []
        found = [fault for fault in self.script if fault.is_on(now_s)]
        for mixture in self.mixtures:
            found += [f for f in mixture.between(now_s - WAITS_S - _LONGEST_DRAWN_S, now_s) if f.is_on(now_s)]
        return sorted(found, key=lambda fault: fault.at_s)


CALM = Plan()


def system_at(faults: Iterable[Fault], now_s: float) -> str:
    """Return the exchange's own state under the faults that are going on."""
    system = "online"
    for fault in faults:
        if fault.name == "maintenance":
            over = (now_s - fault.at_s) / float(fault.value)
            system = "maintenance" if over < 0.5 else "cancel_only" if over < 0.75 else "post_only"
    return system


def id_shift(faults: Iterable[Fault], symbol: str) -> int:
    """Return by how much a pair's trade ids are higher under the faults that are going on."""
    return sum(int(float(f.value)) for f in faults if f.name == "ids" and f.lasting_s and f.concerns(symbol))


def pair_status(faults: Iterable[Fault], symbol: str) -> str:
    """Return the status of a pair under the faults that are going on."""
    status = "online"
    for fault in faults:
        if fault.name == "delist" and fault.concerns(symbol):
            return "delisted"
        if fault.name == "pair" and fault.concerns(symbol):
            status = fault.value
    return status
