"""No-trade reasons by hour. Stored are totals, so that writing an hour twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portfolios.models import Account, ReasonCount, Standing
from trading.bounds import OTHER

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One code, in all or in one symbol, and how often it was given."""

    code: str
    symbol: str  # empty: it was given for all
    last_hour: int
    last_day: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """No-trade reasons of an account, the most frequent of the last hour first."""

    rows: list[Reason]
    hour_since: datetime | None  # where "the last hour" begins: the end of an hour; None: with the account
    day_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonsOfHour:
    """Counts between two moments; longer than an hour where the market was not seen."""

    since: datetime | None  # None: since the account was opened
    until: datetime
    counts: dict[str, int]


def named(key: str) -> tuple[str, str]:
    """Return code and symbol of what was counted as "code" or "code SYMBOL"."""
    code, _, symbol = key.rpartition(" ")
    return (code, symbol) if code and "/" in symbol else (key, "")


def reasons_of(standing: Standing | None) -> Reasons:
    """Return the counts of the last hour, the last day and in all. Two queries.

    The last hour began at the newest full hour that is an hour ago, so it lasts one to two.
    """
    if standing is None:
        return Reasons(rows=[], hour_since=None, day_since=None)
    hour, day = (_totals_at(standing.account_id, standing.as_of - span) for span in (HOUR, DAY))
    rows = []
    of_hour, of_day = (counted_since(standing.why, row.counts if row else {}) for row in (hour, day))
    for key, total in standing.why.items():
        code, symbol = named(key)
        rows.append(Reason(code=code, symbol=symbol, last_hour=of_hour[key], last_day=of_day[key], total=total))
    rows.sort(key=lambda row: (-row.last_hour, -row.last_day, -row.total, row.code, row.symbol))
    return Reasons(rows=rows, hour_since=hour.hour_end if hour else None, day_since=day.hour_end if day else None)


def reasons_by_hour(account: Account, since: datetime) -> list[ReasonsOfHour]:
    """Return what was counted in each hour that ended after ``since``, the present one included, oldest first."""
    before = _totals_at(account.pk, since)
    rows = ReasonCount.objects.filter(account=account, hour_end__gt=since).order_by("hour_end")
    totals = [(row.hour_end, row.counts) for row in rows]
    standing = Standing.objects.filter(account=account).first()
    if standing is not None and standing.as_of > max(since, totals[-1][0] if totals else since):
        totals.append((standing.as_of, standing.why))
    return list(_between(before, totals))


def _between(before: ReasonCount | None, totals: list[tuple[datetime, Mapping[str, int]]]) -> Iterator[ReasonsOfHour]:
    since, known = (before.hour_end, before.counts) if before else (None, {})
    for until, counts in totals:
        grown = sorted(counted_since(counts, known).items())
        yield ReasonsOfHour(since=since, until=until, counts={key: count for key, count in grown if count})
        since, known = until, counts


def counted_since(counts: Mapping[str, int], known: Mapping[str, int]) -> dict[str, int]:
    """Return what was counted since ``known``; in all it is what was counted in all.

    A reason that became one of the OTHER ones since took its count there: that was known before.
    """
    grown = {key: max(count - known.get(key, 0), 0) for key, count in counts.items()}
    if OTHER in counts:
        moved = sum(max(count - counts.get(key, 0), 0) for key, count in known.items() if key != OTHER)
        grown[OTHER] = max(grown[OTHER] - moved, 0)
    return grown


def _totals_at(account_id: int, at: datetime) -> ReasonCount | None:
    return ReasonCount.objects.filter(account_id=account_id, hour_end__lte=at).order_by("-hour_end").first()
