"""The REST side under faults: refused, broken or in maintenance, and otherwise correct."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from marketdata.simulation.faults import CALM, Plan, pair_status, system_at
from marketdata.simulation.rest import RestSide
from trading.frames import NS_PER_S, utc

JSON = "application/json; charset=utf-8"
_HTML = "text/html; charset=UTF-8"
_PAGE = b"<!DOCTYPE html><html><head><title>api.kraken.com</title></head><body>%s</body></html>"


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes


class FaultyRestSide:
    """Answers as ``side`` does, but for what the plan says; times count from ``began_ns``."""

    def __init__(self, side: RestSide, plan: Plan = CALM, began_ns: int = 0) -> None:
        self._side = side
        self._plan = plan
        self._began_ns = began_ns

    def answer(self, endpoint: str, about: Mapping[str, str], now_ns: int) -> Answer:
        """Return the answer to ``/0/public/ENDPOINT`` as of ``now_ns``."""
        now_s = (now_ns - self._began_ns) / NS_PER_S
        faults = self._plan.going_on(now_s)
        for fault in faults:
            if fault.name == "rest":
                return _refusal(fault.value)
        ahead_s = sum(float(fault.value) for fault in faults if fault.name == "skew")
        if endpoint == "SystemStatus" and faults:
            time_ns = now_ns + round(ahead_s * NS_PER_S)
            result = {"status": system_at(faults, now_s), "timestamp": f"{utc(time_ns):%Y-%m-%dT%H:%M:%SZ}"}
            return Answer(HTTPStatus.OK, JSON, msgspec.json.encode({"error": [], "result": result}))
        if endpoint == "Time":
            now_ns += round(ahead_s * NS_PER_S)
        body = self._side.answer(endpoint, about, now_ns)
        if endpoint == "AssetPairs" and faults:
            answer = msgspec.json.decode(body)
            for pair in answer["result"].values():
                pair["status"] = pair_status(faults, pair["wsname"].replace("XBT", "BTC"))
            body = msgspec.json.encode(answer)
        return Answer(HTTPStatus.OK, JSON, body)


def _refusal(value: str) -> Answer:
    if value == "html":
        return Answer(HTTPStatus.OK, _HTML, _PAGE % b"Checking your browser")
    return Answer(int(value), _HTML, _PAGE % value.encode())
