"""Fee schedules that this installation added: parsed, checked, and joined with the published ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError

from portfolios import models
from trading.fees import PUBLISHED, FeeSchedule, Schedules, published
from trading.fills import plain

MOST_TIERS = 50
MOST_PCT = Decimal(10)
MOST_VOLUME_USD = Decimal(10) ** 15
MOST_DECIMALS = 6  # of a rate in percent: no exchange charges a millionth of a percent
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9]{4}-(0[1-9]|1[0-2])")
_AS_A_ROW = "expected volume in USD, taker % and maker %, like 10000 0.35 0.20"

Row = Sequence[str]


def known_schedules() -> Schedules:
    """Return the schedules that Paddock brings along, and those that were added here."""
    return PUBLISHED.with_more(schedule_of(row) for row in models.FeeSchedule.objects.all())


def schedule_of(row: models.FeeSchedule) -> FeeSchedule:
    """Return a stored schedule as the engine knows it."""
    return schedule_from(row.name, row.valid_from, row.tiers)


def schedule_from(name: str, valid_from: date, tiers: Iterable[Row]) -> FeeSchedule:
    """Return the schedule that rows of (volume USD, taker %, maker %) make.

    Raises:
        ValidationError: ``name`` or ``tiers`` are not as they should be.
    """
    rows = list(tiers)
    problems = {"name": _wrong_with_name(name), "tiers": _wrong_with_tiers(rows)}
    if any(problems.values()):
        raise ValidationError({field: sentence for field, sentence in problems.items() if sentence})
    taker, maker = ([(row[0], row[column]) for row in rows] for column in (1, 2))
    return published(name, valid_from, taker, maker)


def tiers_from_text(text: str) -> list[list[str]]:
    """Return the rows of a table that is written a line each: volume in USD, taker %, maker %.

    Raises:
        ValidationError: a line that holds other than three words; it names the line.
    """
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, words in lines:
        if len(words) != 3:
            raise ValidationError(f"line {number} is {' '.join(words)!r}; {_AS_A_ROW}")
    return [words for _, words in lines]


def tiers_as_stored(tiers: Iterable[Row]) -> list[list[str]]:
    """Return checked rows spelled in the one way in which they are kept."""
    return [[plain(Decimal(str(cell))) for cell in row] for row in tiers]


def _wrong_with_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > 60:
        return f"name is {name!r}; expected FAMILY-YYYY-MM in small letters, like my-broker-2026-11"
    family = name.rsplit("-", 2)[0]
    if _NAME.fullmatch(family):
        return f"name is {name!r}; its family {family!r} has the name of a schedule: expected one without a date"
    return ""


def _wrong_with_tiers(tiers: Sequence[Row]) -> str:
    if not 1 <= len(tiers) <= MOST_TIERS:
        return f"{len(tiers)} rows were given; expected 1 to {MOST_TIERS}, the first from a volume of 0 on"
    before = Decimal(-1)
    for number, row in enumerate(tiers, 1):
        if wrong := _wrong_with_row(row):
            return f"row {number} is {' '.join(map(str, row))!r}; {wrong}"
        volume = Decimal(str(row[0]))
        if number == 1 and volume:
            return f"row 1 begins at {row[0]} USD; expected 0: a new account has traded nothing"
        if volume <= before:
            return f"row {number} begins at {row[0]} USD; expected more than the {plain(before)} of the row before"
        before = volume
    return ""


def _wrong_with_row(row: Row) -> str:
    if len(row) != 3:
        return _AS_A_ROW
    try:
        volume, *rates = (Decimal(str(cell)) for cell in row)
    except InvalidOperation:
        return _AS_A_ROW
    if not (volume.is_finite() and 0 <= volume <= MOST_VOLUME_USD):
        return f"its volume is {volume}; expected 0 to {MOST_VOLUME_USD:f} USD"
    for word, rate in zip(("taker", "maker"), rates, strict=True):
        if not (rate.is_finite() and 0 <= rate <= MOST_PCT and rate == round(rate, MOST_DECIMALS)):
            return f"its {word} rate is {rate}; expected 0 to {MOST_PCT} percent with up to {MOST_DECIMALS} decimals"
    return ""
