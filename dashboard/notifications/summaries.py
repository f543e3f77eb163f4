"""What rules find by looking, not by being told: deep drawdowns, and the day's summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.notifications.facts import Happening
from dashboard.notifications.models import Rule, RuleKind
from portfolios.models import Standing
from portfolios.results.windows import DAY
from portfolios.selectors import current_season
from strategies.league.table import View, league
from trading.fills import plain

LATE = timedelta(hours=1)  # a summary that could not be told by then is not told
_ROWS = 5


def deep_drawdowns(rules: Iterable[Rule]) -> Iterator[tuple[Rule, Happening]]:
    """Yield, per rule, the accounts that are that far below their peak. The peak is part of the key: one for each."""
    for rule in rules:
        deep = Standing.objects.select_related("account").filter(
            account__closed_at=None, drawdown_pct__gte=rule.threshold_pct
        )
        for standing in deep:
            slug, peak = standing.account.slug, plain(standing.peak_equity)
            yield (
                rule,
                Happening(
                    key=f"drawdown-{standing.account_id}-{peak}",
                    kind=RuleKind.DRAWDOWN,
                    title=f"{slug}: {standing.drawdown_pct:.2f} % below its peak",
                    text=f"equity {standing.equity:.2f}, peak {standing.peak_equity:.2f} {standing.account.currency}",
                    slug=slug,
                    data={"drawdown_pct": plain(standing.drawdown_pct), "equity": plain(standing.equity), "peak": peak},
                ),
            )


def due_summaries(rules: Iterable[Rule], now: datetime) -> Iterator[tuple[Rule, Happening]]:
    """Yield, per rule whose hour has come, the summary of the league's last day."""
    due = [(rule, when) for rule in rules if (when := _due_at(rule, now)) <= now < when + LATE and when >= rule.since]
    if due:
        title, text = day_in_words()
        for rule, when in due:
            yield rule, Happening(key=f"summary-{when:%Y-%m-%d}", kind=RuleKind.DAILY_SUMMARY, title=title, text=text)


def _due_at(rule: Rule, now: datetime) -> datetime:
    local = now.astimezone(ZoneInfo(rule.zone))
    return local.replace(hour=rule.hour or 0, minute=0, second=0, microsecond=0)


def day_in_words() -> tuple[str, str]:
    """Return the last day of the league: a title, and the first and the last of its places."""
    season = current_season()
    if season is None:
        return "No season runs", ""
    found = league(season, None, View(DAY))
    lines = [
        f"{total.standing.currency}: equity {total.standing.equity:.2f}, gain {total.window.gain:+.2f}, "
        f"fees {total.window.fees:.2f}, {total.window.round_trips} round trips"
        for total in found.totals
    ]
    told = [place for place in found.places if place.performance.return_pct is not None]
    shown = told if len(told) <= 2 * _ROWS else [*told[:_ROWS], *told[-_ROWS:]]
    lines += [f"{place.performance.return_pct:+.2f} %  {place.deployment.name}" for place in shown]
    return f"{season.name}: the last day of {len(found.places)} deployments", "\n".join(lines)
