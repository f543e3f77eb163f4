"""On what terms a deployment takes part, and all of it that must survive."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from trading.accounting.margin import MarginTerms
from trading.accounting.state import AccountState
from trading.bounds import shown
from trading.engine.risk import RiskLimits
from trading.exchange.models import Latency
from trading.exchange.state import ExchangeState
from trading.fees import DEFAULT_FEE_SCHEDULE, FeePlan
from trading.instruments import Instrument
from trading.performance.figures import Figures
from trading.recount import Decimals, decimals_of


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a deployment takes part."""

    slug: str
    symbols: tuple[str, ...]
    stake: Decimal = Decimal(100)  # account currency
    currency: str = "USD"
    funding_currency: str = "USD"
    assets: dict[str, Decimal] = {}  # paid in beside the stake: currency -> amount, valued at mid when funded
    latency_ms: int = 200
    latency_sigma: float = 0.0  # of its logarithm, drawn for each order; zero: constant
    latency: Latency | None = None  # all of it; goes before the two above
    fill_model: str = "realistic"
    fee_schedule: str = DEFAULT_FEE_SCHEDULE  # one of those that are published
    fee_plan: FeePlan | None = None  # another one; goes before the name above
    risk: RiskLimits = RiskLimits()
    margin: MarginTerms = MarginTerms()
    first_sequence: int = 0  # frames up to this one are none of its business


class Flattening(msgspec.Struct, kw_only=True):
    """A command to flatten that is being carried out."""

    command_id: str  # no other command of the account has it
    by: str
    begun_sequence: int  # the frame after which it was given
    orders: int = 0  # market orders sent so far
    tried_ns: dict[str, int] = msgspec.field(name="asked_ns", default_factory=dict)  # symbol -> last try to close it
    waits_for: str = ""  # a sentence; empty while nothing stands in its way


class Flattened(msgspec.Struct, frozen=True, kw_only=True):
    """A command to flatten that has been carried out."""

    command_id: str
    by: str
    orders: int  # market orders that it took
    dust: str  # what could not be closed because it is below the smallest order, in a sentence; empty: nothing


class EngineState(msgspec.Struct, kw_only=True):
    """All that must survive: a checkpoint is this, encoded."""

    sequence: int = 0  # the cursor: the last frame wholly accounted for
    time_ns: int = 0
    account: AccountState
    exchange: ExchangeState
    figures: Figures
    memory: bytes = b""  # the strategy's state, packed
    memory_of: str = ""  # hash of the version whose memory it is
    has_started: bool = False
    evaluated_ns: int = msgspec.field(name="asked_ns", default=0)  # when the strategy was evaluated last
    orders_sent_ns: list[int] = []  # in the last minute, ascending
    refusal_rows_ns: dict[str, int] = {}
    why: dict[str, int] = {}  # reason code -> times it did not trade; see `trading.bounds.add_reason`
    surplus: dict[str, int] = {}  # what went beyond the bounds of what a strategy may emit -> how often
    errors_in_a_row: int = 0
    is_halted: bool = False  # by errors; a person may resume it
    series_versions: dict[str, int] = {}
    are_entries_stopped: bool = False  # by a person: evaluated as ever, but nothing may be opened or enlarged
    flattening: Flattening | None = None  # by a person: meanwhile it is not evaluated
    decimals: dict[str, Decimals] = {}  # symbol -> in which all of this counts its prices and quantities

    @classmethod
    def beginning(cls, terms: Terms) -> EngineState:
        """Return the state of a deployment that has not seen a frame."""
        account = AccountState(currency=terms.currency)
        return cls(sequence=terms.first_sequence, account=account, exchange=ExchangeState(), figures=Figures())

    def instruments(self, known: Mapping[str, Instrument]) -> Mapping[str, Instrument]:
        """Return ``known`` instruments with the decimals in which this state counts: newer ones may have others."""
        differing = {
            symbol: replace(known[symbol], price_decimals=decimals[0], qty_decimals=decimals[1])
            for symbol, decimals in self.decimals.items()
            if symbol in known and decimals_of(known[symbol]) != decimals
        }
        return {**known, **differing} if differing else known


class Unencodable(ValueError):
    """The state of a deployment holds a value that no checkpoint can hold."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EngineState)


def encode_state(state: EngineState) -> bytes:
    """Return the checkpoint of ``state``; equal states give equal bytes.

    Raises:
        Unencodable: a value that no checkpoint can hold; it names the place.
    """
    try:
        return _encoder.encode(state)
    except (OverflowError, TypeError, ValueError, RecursionError) as error:
        raise Unencodable(f"{_place_of_what_fails(state, '')}: {error}") from error


def _place_of_what_fails(value: Any, place: str) -> str:
    """Return where the innermost part of ``value`` lies that cannot be encoded, and what it is."""
    if isinstance(value, msgspec.Struct):
        parts = [(f"{place}.{name}", getattr(value, name)) for name in value.__struct_fields__]
    elif isinstance(value, dict):
        parts = [(f"{place}[{shown(key)}]", part) for key, part in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{place}[{at}]", part) for at, part in enumerate(value)]
    else:
        parts = []
    for where, part in parts:
        try:
            _encoder.encode(part)
        except Exception:
            return _place_of_what_fails(part, where)
    return f"{place.lstrip('.')} is {shown(value)}"


def decode_state(checkpoint: bytes) -> EngineState:
    """Return the state that ``encode_state`` wrote.

    Raises:
        msgspec.DecodeError: not a checkpoint of this version.
    """
    return _decoder.decode(checkpoint)
