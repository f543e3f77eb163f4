"""The thread that fetches what the socket missed: nothing that REST sends ends it."""

from __future__ import annotations

import asyncio
import gc
import warnings

import httpx

from marketdata.feed import repairer
from marketdata.feed.repairer import Repairer
from marketdata.kraken.rest import KrakenRest, Pace
from marketdata.kraken.tape import Hole, LastPrint, Tape
from tests.drawing import instrument
from trading.frames import NS_PER_S

BTC = instrument("BTC/USD", price_decimals=1, qty_decimals=8)
NOW_NS = 1_783_425_600 * NS_PER_S


def make_repairer(answer, tape: Tape, messages: list[bytes]) -> Repairer:
    rest = KrakenRest(
        "https://kraken.test", pace=Pace(0.0, sleep=lambda _: None), transport=httpx.MockTransport(answer)
    )
    return Repairer(
        rest,
        receive=messages.append,
        report=lambda events: None,
        tape=lambda: tape,
        instruments=lambda: {"BTC/USD": BTC},
        now_ns=lambda: NOW_NS,
    )


async def test_an_error_that_nobody_thought_of_ends_no_repair(monkeypatch):
    monkeypatch.setattr(repairer, "POLL_S", 0.01)
    tape = Tape({"BTC/USD": LastPrint(9, NOW_NS)}, {"BTC/USD": [Hole(5, 5, NOW_NS - NS_PER_S)]})
    messages: list[bytes] = []
    requests = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        if requests == 1:
            tape.holes["BTC/USD"] = [Hole(6, 6, NOW_NS - NS_PER_S)]  # another question, which is not waiting
            raise KeyError("nobody thought of this")
        row = f'["100.0","1.0",{NOW_NS // NS_PER_S},"b","l","",6]'
        return httpx.Response(
            200,
            text=f'{{"error":[],"result":{{"X":[{row}],"last":"1"}}}}',
            headers={"content-type": "application/json"},
        )

    one = make_repairer(answer, tape, messages)
    one.start()
    async with asyncio.timeout(10):
        while not messages:  # noqa: ASYNC110 - a thread of its own fills it
            await asyncio.sleep(0.01)
    one.stop()

    assert b'"trade_id":6' in messages[0]


def test_a_feed_that_has_ended_leaves_nothing_behind_that_was_never_awaited(monkeypatch):
    monkeypatch.setattr(repairer, "POLL_S", 0.0)
    one = make_repairer(lambda request: httpx.Response(500), Tape(), [])
    one._loop = asyncio.new_event_loop()
    one._loop.close()

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        one._run()
        gc.collect()

    assert [str(one.message) for one in found if "never awaited" in str(one.message)] == []
