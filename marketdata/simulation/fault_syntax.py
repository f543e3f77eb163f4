"""How faults are written.

A fault is ``NAME[:VALUE]@AT[+LASTING][:SYMBOL]``, times in seconds since the exchange began; a
mixture of all kinds ``random:SEED[:PER_MINUTE][@FROM[+LASTING]]``. Several stand one after
another, with commas between. The same text always gives the same faults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import inf

from marketdata.simulation.chance import mixed, name_number
from marketdata.simulation.faults import KINDS, Fault, Kind, Mixture, Plan
from marketdata.simulation.pairs import PAIRS

PER_MINUTE = 2.0
MOST_PER_MINUTE = 600.0
LONGEST_S = 86_400.0
_RANDOM = "random"
_RANDOM_USAGE = f"{_RANDOM}:SEED[:PER_MINUTE][@FROM[+LASTING]]"
_WHEN = re.compile(r"(?P<at>[^+:]*)(\+(?P<lasting>[^:]*))?(:(?P<symbol>.*))?")
FAULTS_HELP = (
    "what goes wrong at the simulated exchange, seconds after its start: "
    "drop@30,corrupt@45:BTC/USD,slow:3@60+10,random:7:2. "
    "Kinds: " + "; ".join(f"{kind.usage(name)}: {kind.what}" for name, kind in KINDS.items()) + "; "
    f"{_RANDOM_USAGE}: all of these by chance"
)


class InvalidFaults(ValueError):
    """A text that names no faults; says which word, its value, and what would have been right."""


def parse_faults(text: str, symbols: Iterable[str] = tuple(PAIRS)) -> Plan:
    """Return the plan that ``text`` describes; mixtures affect ``symbols``.

    Raises:
        InvalidFaults: a word names no fault.
    """
    known = tuple(symbols)
    script: list[Fault] = []
    mixtures: list[Mixture] = []
    for word in text.replace(",", " ").split():
        if word.partition(":")[0].partition("@")[0] == _RANDOM:
            mixtures.append(_mixture(word, known))
        else:
            script.append(_fault(word, len(script)))
    return Plan(tuple(script), tuple(mixtures), text)


def _fault(word: str, number: int) -> Fault:
    head, at_sign, when = word.partition("@")
    name, _, value = head.partition(":")
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidFaults(
            f"fault {word!r}: no fault is named {name!r}; expected one of {', '.join(KINDS)}, {_RANDOM}"
        )
    usage = kind.usage(name)
    parts = _WHEN.fullmatch(when)
    if not at_sign or parts is None:
        raise InvalidFaults(f"fault {word!r} has no time; expected {usage}")
    at_s = _seconds(word, "time", parts["at"], usage)
    lasting_s = kind.lasting_s
    if parts["lasting"] is not None:
        if not kind.may_last:
            raise InvalidFaults(f"fault {word!r}: {name} takes no +{parts['lasting']}; expected {usage}")
        lasting_s = _seconds(word, "length", parts["lasting"], usage, least=0.001)
    symbol = parts["symbol"] or ""
    if parts["symbol"] is not None:
        if not kind.has_symbol:
            raise InvalidFaults(f"fault {word!r}: {name} takes no symbol, got {symbol!r}; expected {usage}")
        if symbol not in PAIRS:
            raise InvalidFaults(f"fault {word!r}: symbol is {symbol!r}; expected one of {', '.join(PAIRS)}")
    return Fault(name, at_s, _value(word, kind, value, usage), lasting_s, symbol, mixed(name_number(word), number))


def _value(word: str, kind: Kind, value: str, usage: str) -> str:
    if not value:
        return kind.value
    if kind.numbers is not None:
        _number(word, "value", value, usage, *kind.numbers)
    elif value not in kind.values:
        expected = f"one of {', '.join(kind.values)}" if kind.values else "none"
        raise InvalidFaults(f"fault {word!r}: value is {value!r}; expected {expected}, as in {usage}")
    return value


def _mixture(word: str, symbols: tuple[str, ...]) -> Mixture:
    head, at_sign, when = word.partition("@")
    _, _, numbers = head.partition(":")
    seed, _, per_minute = numbers.partition(":")
    if not (seed.isascii() and seed.isdigit()):
        raise InvalidFaults(f"fault {word!r}: seed is {seed!r}; expected a whole number, as in {_RANDOM_USAGE}")
    rate = _number(word, "per minute", per_minute, _RANDOM_USAGE, 0.01, MOST_PER_MINUTE) if per_minute else PER_MINUTE
    from_text, _, lasting = when.partition("+")
    from_s = _seconds(word, "time", from_text, _RANDOM_USAGE) if at_sign else 0.0
    lasting_s = _seconds(word, "length", lasting, _RANDOM_USAGE, least=0.001) if lasting else inf
    return Mixture(int(seed), rate, from_s, from_s + lasting_s, symbols)


def _seconds(word: str, what: str, text: str, usage: str, *, least: float = 0.0) -> float:
    return _number(word, what, text, usage, least, LONGEST_S)


def _number(word: str, what: str, text: str, usage: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = inf
    if not least <= number <= most:
        expected = f"a number from {least:g} to {most:g}"
        raise InvalidFaults(f"fault {word!r}: {what} is {text!r}; expected {expected}, as in {usage}")
    return number
