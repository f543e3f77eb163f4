"""A strategy that behaves for some evaluations, and then does what its config says."""

import contextlib
import ctypes
import itertools
import os
import re
import sys
import time

from trading.signals import NoSignal

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


def generate_signal(data, config, state):
    state["evaluations"] = state.get("evaluations", 0) + 1
    if state["evaluations"] > config["good_evaluations"] and config["deed"] in DEEDS:
        DEEDS[config["deed"]]()
    return NoSignal("innocent so far")
