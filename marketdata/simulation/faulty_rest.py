"""The REST side under faults: refused, broken or in maintenance, and otherwise correct."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from marketdata.kraken.symbols import symbol_of_altname
from marketdata.simulation.faults import CALM, Fault, Plan, id_shift, pair_status, system_at
from marketdata.simulation.rest import RestSide
from marketdata.simulation.tampering import shifted_id
from trading.frames import NS_PER_S, utc

JSON = "application/json; charset=utf-8"
_HTML = "text/html; charset=UTF-8"
_PAGE = b"<!DOCTYPE html><html><head><title>api.kraken.com</title></head><body>%s</body></html>"


_BOMB_BYTES = 64 << 20  # unpacked
_BODIES = {
    "gzip": (HTTPStatus.OK, b"\x1f\x8b\x08 this is no gzip", "gzip"),
    "bomb": (HTTPStatus.OK, gzip.compress(bytes(_BOMB_BYTES), 1), "gzip"),
    "redirect": (HTTPStatus.FOUND, b"", ""),
    "half": (HTTPStatus.OK, b'{"error":[],"result":{"XXBTZUSD":[["83930.30', ""),
    "shape": (HTTPStatus.OK, b'{"error":[],"result":[{"last":{}}]}', ""),
}


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes
    encoding: str = ""


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
        if endpoint == "Trades" and any(fault.name == "ids" for fault in faults):
            body = _renumbered(body, faults, symbol_of_altname(about.get("pair", "")))
        return Answer(HTTPStatus.OK, JSON, body)


def _renumbered(body: bytes, faults: list[Fault], symbol: str) -> bytes:
    answer, shift = msgspec.json.decode(body, type=_Trades), id_shift(faults, symbol)
    for rows in answer.result.values():
        for row in rows if isinstance(rows, list) else ():
            row[-1] = msgspec.Raw(str(shifted_id(int(bytes(row[-1])), shift)).encode())
    return msgspec.json.encode(answer)


class _Trades(msgspec.Struct):
    error: list[str]
    result: dict[str, list[list[msgspec.Raw]] | str] = {}


def _refusal(value: str) -> Answer:
    if value == "html":
        return Answer(HTTPStatus.OK, _HTML, _PAGE % b"Checking your browser")
    if value in _BODIES:
        status, body, encoding = _BODIES[value]
        return Answer(status, JSON, body, encoding)
    return Answer(int(value), _HTML, _PAGE % value.encode())
