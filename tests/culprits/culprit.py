"""A strategy that behaves for some evaluations, and then does what its config says."""

import contextlib
import ctypes
import itertools
import os
import re
import sys
import time
from collections import namedtuple

from marketdata import bus
from trading.signals import NoSignal, Signal

STRATEGY_NAME = "culprit"
STRATEGY_VERSION = "1.0.0"
SYMBOLS = ["BTC/USD"]
CONFIG = {"deed": "nothing", "good_evaluations": 10}
HOARD = []


def loop():
    while True:
        pass


def loop_through_everything():
    while True:
        with contextlib.suppress(BaseException):
            loop()


DEEDS = {
    "raise": lambda: 1 / 0,
    "raise a base exception": lambda: (_ for _ in ()).throw(GeneratorExit("enough")),
    "exit politely": lambda: sys.exit("good-bye"),
    "loop": loop,
    "sleep": lambda: time.sleep(60),
    "sleep in native code": lambda: ctypes.CDLL(None).sleep(60),
    "search with a bad pattern": lambda: re.match(r"(a+)+$", "a" * 40 + "b"),
    "ask for too much at once": lambda: bytearray(3 * 2**30),
    "loop through everything": loop_through_everything,
    "hang in native code": lambda: sum(itertools.repeat(0)),
    "hoard": lambda: HOARD.append(bytearray(24 * 2**20)),
    "exit at once": lambda: os._exit(0),
    "read nowhere": lambda: ctypes.string_at(0),
}
Level = namedtuple("Level", "price size")
PAIR = "BTC/USD"


def limit_order(data, **options):
    return Signal.buy(PAIR, 10, order_type="limit", limit_price=data.price(PAIR) * 0.9, **options)


def keep(data, state, value):
    state["kept"] = value
    return [limit_order(data), NoSignal("kept")]


# These end nothing at once: they give the engine, the checkpoint or the rows what those could not hold.
ANSWERS = {
    "order more than there is": lambda data, state: Signal.buy(PAIR, 1e12, size_in="base"),
    "order for ever": lambda data, state: limit_order(data, time_in_force="gtd", expires_in_s=1_795_000_000_000),
    "say half a letter": lambda data, state: [limit_order(data, reason="\ud83d"), NoSignal("half \ud83d")],
    "say ever new things": lambda data, state: [
        NoSignal(f"rsi {state['evaluations']}.{i} is not below 30") for i in range(200)
    ],
    "keep a named tuple": lambda data, state: keep(data, state, {"levels": [Level(1, 2)]}),
    "keep sets as keys": lambda data, state: keep(data, state, {frozenset([1]): "kept"}),
    "spoil its checkpoint": lambda data, state: data._viewer.state.orders_sent_ns.append(2**70) or limit_order(data),
    "spoil its figures": lambda data, state: setattr(data._viewer.figures, "refusals", 2**40),
    "spoil the worker": lambda data, state: setattr(bus, "follow", None),
}


def generate_signal(data, config, state):
    state["evaluations"] = state.get("evaluations", 0) + 1
    if state["evaluations"] > config["good_evaluations"] and config["deed"] in ANSWERS:
        return ANSWERS[config["deed"]](data, state)
    if state["evaluations"] > config["good_evaluations"] and config["deed"] in DEEDS:
        DEEDS[config["deed"]]()
    return NoSignal("innocent so far")
