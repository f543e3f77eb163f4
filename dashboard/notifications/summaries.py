"""Events computed from standings: deep drawdowns and the daily summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.notifications.facts import Event
from dashboard.notifications.models import Rule, RuleKind
from portfolios.models import Standing
from portfolios.results.windows import DAY
from portfolios.selectors import current_season
from strategies.league.table import View, league
from trading.fills import plain

LATE = timedelta(hours=1)  # after that the summary is not sent
_ROWS = 5


def deep_drawdowns(rules: Iterable[Rule]) -> Iterator[tuple[Rule, Event]]:
    """Yield, per rule, the accounts at its drawdown threshold. The peak is part of the key: one event per peak."""
    for rule in rules:
        deep = Standing.objects.select_related("account").filter(
            account__closed_at=None, drawdown_pct__gte=rule.threshold_pct
        )
        for standing in deep:
            slug, peak = standing.account.slug, plain(standing.peak_equity)
            yield (
                rule,
                Event(
                    key=f"drawdown-{standing.account_id}-{peak}",
                    kind=RuleKind.DRAWDOWN,
                    title=f"{slug}: {standing.drawdown_pct:.2f} % below its peak",
                    text=f"equity {standing.equity:.2f}, peak {standing.peak_equity:.2f} {standing.account.currency}",
                    slug=slug,
                    data={"drawdown_pct": plain(standing.drawdown_pct), "equity": plain(standing.equity), "peak": peak},
                ),
            )


def due_summaries(rules: Iterable[Rule], now: datetime) -> Iterator[tuple[Rule, Event]]:
    """Yield, per rule whose hour has come, the summary of the league's last day."""
    due = [(rule, when) for rule in rules if (when := _due_at(rule, now)) <= now < when + LATE and when >= rule.since]
    if due:
        title, text = day_in_words()
        for rule, when in due:
            yield rule, Event(key=f"summary-{when:%Y-%m-%d}", kind=RuleKind.DAILY_SUMMARY, title=title, text=text)


def _due_at(rule: Rule, now: datetime) -> datetime:
    local = now.astimezone(ZoneInfo(rule.zone))
    return local.replace(hour=rule.hour or 0, minute=0, second=0, microsecond=0)


def day_in_words() -> tuple[str, str]:
    """Return the league's last 24 h: a title, and the best and worst places."""
    season = current_season()
    if season is None:
        return "No season running", ""
    found = league(season, None, View(DAY))
    lines = [
        f"{total.standing.currency}: equity {total.standing.equity:.2f}, P&L {total.window.gain:+.2f}, "
        f"fees {total.window.fees:.2f}, {total.window.round_trips} round trips"
        for total in found.totals
    ]
    ranked = [place for place in found.places if place.performance.return_pct is not None]
    shown = ranked if len(ranked) <= 2 * _ROWS else [*ranked[:_ROWS], *ranked[-_ROWS:]]
    lines += [f"{place.performance.return_pct:+.2f} %  {place.deployment.name}" for place in shown]
    return f"{season.name}: last 24 h, {len(found.places)} deployments", "\n".join(lines)
