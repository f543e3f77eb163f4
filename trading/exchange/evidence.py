"""Deriving a fill anew from its evidence: price, quantity and fee, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from trading.accounting.ledger import FEE_QUANTUM
from trading.exchange.models import FILL_MODELS, FillModel
from trading.fees import PUBLISHED, Schedules, UnknownFeeSchedule
from trading.fills import Fill, plain, seal_of
from trading.orders import is_reached
from trading.signals import OrderType


class NoEvidence(ValueError):
    """A fill that says too little to be derived."""


class Derivation(msgspec.Struct, frozen=True):
    """What the evidence gives, in words and numbers; ``is_verified`` when the fill says the same."""

    steps: tuple[str, ...]
    price: Decimal | None
    qty: Decimal | None
    fee: Decimal | None
    is_verified: bool
    differs: tuple[str, ...] = ()  # the fill's fields that say otherwise


def rederived(fill: Fill, schedules: Schedules = PUBLISHED) -> Derivation:
    """Return the fill as its evidence gives it, charged by one of ``schedules``.

    Evidence that says too little is no error: it is not verified.
    """
    try:
        model, about = _model(fill.evidence), fill.evidence
        price_decimals, qty_decimals = (int(count) for count in about["decimals"])
        trigger_steps = _trigger(fill, about, price_decimals)
        ticks, price_step = _price(fill, model, about, price_decimals)
        lots, qty_steps = _lots(model, about, qty_decimals)
        price, qty = Decimal(ticks).scaleb(-price_decimals), Decimal(lots).scaleb(-qty_decimals)
        fee, fee_step = _fee(fill, about, price * qty, schedules)
    except (KeyError, TypeError, ValueError, IndexError, InvalidOperation, UnknownFeeSchedule) as error:
        return Derivation((f"the evidence says too little: {error}",), None, None, None, is_verified=False)
    stated = {"price": fill.price, "qty": fill.qty, "cost": fill.cost, "fee": fill.fee}
    derived = {"price": price, "qty": qty, "cost": price * qty, "fee": fee}
    differs = tuple(name for name in stated if stated[name] != derived[name])
    if not differs and about.get("seal") != seal_of(fill):
        differs = ("seal",)  # all adds up, but something was changed since
    return Derivation((*trigger_steps, price_step, *qty_steps, fee_step), price, qty, fee, not differs, differs)


def _model(about: Mapping[str, Any]) -> FillModel:
    label = about["model"]
    model = next((model for model in FILL_MODELS.values() if model.label == label), None)
    if model is None:
        raise NoEvidence(f"model is {label!r}; known are {', '.join(m.label for m in FILL_MODELS.values())}")
    return model


def _price(fill: Fill, model: FillModel, about: Mapping[str, Any], decimals: int) -> tuple[int, str]:
    def shown(ticks: int) -> str:
        return plain(Decimal(ticks).scaleb(-decimals))

    limit: int | None = about.get("limit")
    match about["rule"]:
        case "depth_walk":
            level = int(about["level"][0])
            ticks = model.taken_at(fill.side, level, limit, int(about.get("step", 1)))
            slip = f", {plain(model.slippage_bps)} bp worse: {shown(ticks)}" if ticks != level else ""
            return ticks, f"price: the level at {shown(level)} was taken{slip}"
        case "touch":
            ticks = int(about["level"][0])
            return ticks, f"price: the best of the other side, {shown(ticks)}"
        case "queue" | "print_through" | "crossed_book" | "touched":
            if limit is None:
                raise NoEvidence("no limit is stated")
            return limit, f"price: a resting order gets its own, {shown(limit)}"
        case rule:
            raise NoEvidence(f"rule is {rule!r}, which is none")


def _trigger(fill: Fill, about: Mapping[str, Any], decimals: int) -> list[str]:
    """Return the words on what set the order off, none if it waited for nothing."""
    steps = ["gap: nobody watched the market just before; this is the first price after it"] * bool(
        about.get("after_gap")
    )
    if "trigger" not in about:
        return steps
    kind, trigger, price = OrderType(about["type"]), int(about["trigger"]), int(about["set_off"])
    if not is_reached(kind, fill.side, trigger, price):
        raise NoEvidence(f"a price of {price} ticks does not reach the trigger of a {kind.value} at {trigger}")
    shown = [plain(Decimal(ticks).scaleb(-decimals)) for ticks in (trigger, price)]
    return [*steps, f"trigger: the {kind.value} at {shown[0]} was set off by a price of {shown[1]}"]


def _lots(model: FillModel, about: Mapping[str, Any], decimals: int) -> tuple[int, list[str]]:
    def shown(lots: int) -> str:
        return plain(Decimal(lots).scaleb(-decimals))

    still = int(about["open"])
    wanted = f"quantity: {shown(still)} were still to be filled"
    match about["rule"]:
        case "touch" | "touched":
            return still, [f"{wanted}; {model.name} fills all of it"]
        case "depth_walk" | "crossed_book":
            there = int(about["level"][1])
            return min(still, there), [f"{wanted}; {shown(there)} were left to take at the level"]
        case _:
            return _of_print(about, still, wanted, decimals)


def _of_print(about: Mapping[str, Any], still: int, wanted: str, decimals: int) -> tuple[int, list[str]]:
    printed: Sequence[Any] = about["print"]
    left, queue = int(about["left"]), int(about["queue"])
    if not 0 < left <= int(printed[3]) or queue < 0:
        raise NoEvidence(f"{left} lots left of a print of {printed[3]}, a queue of {queue}")
    behind = left - min(left, queue)

    def shown(lots: int) -> str:
        return plain(Decimal(lots).scaleb(-decimals))

    steps = [f"print {printed[0]}: {shown(int(printed[3]))}, of which {shown(left)} had filled nothing of ours"]
    if queue:
        steps.append(f"queue: {shown(queue)} stood before us; {shown(behind)} of the print reached us")
    return min(still, behind), [*steps, wanted]


def _fee(fill: Fill, about: Mapping[str, Any], cost: Decimal, schedules: Schedules) -> tuple[Decimal, str]:
    schedule, volume = schedules.schedule(about["fee_schedule"]), Decimal(about["volume"])
    if not volume >= 0:
        raise NoEvidence(f"volume is {volume}; expected zero or more")
    rate_bps = schedule.rate_bps(fill.liquidity, volume)
    if rate_bps != Decimal(about["fee_bps"]):
        raise NoEvidence(f"{schedule.name} gives {rate_bps} bp for {volume}; the evidence states {about['fee_bps']}")
    fee = (cost * rate_bps / 10_000).quantize(FEE_QUANTUM, ROUND_HALF_UP)
    rate = f"{plain(rate_bps)} bp as {fill.liquidity.value} by {schedule.name}"
    return fee, f"fee: {plain(cost)} x {rate} after a volume of {plain(volume)} in 30 days = {plain(fee)} {fill.quote}"
