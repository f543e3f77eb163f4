"""What can be read of shadows: how an account stands under each fill model, and how far apart they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolios.models import Account, Shadow
from portfolios.selectors import LeagueRow
from trading.performance.optimism import OptimismBand, Origin, optimism_band

NOT_VALUED = "no worker has valued its shadows yet"
NOTHING_TO_LOSE = "the account was worth nothing when its shadows began"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """How an account stands under one fill model; None for what is not known yet."""

    fill_model: str
    is_own: bool  # the account itself, not a shadow
    equity: Decimal | None
    fills: int
    fees: Decimal
    return_pct: Decimal | None  # since the band's beginning
    since: datetime | None  # a shadow's own fork; for the account the band's beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimism:
    """How much of an account's result hangs on the fill model."""

    fill_model: str  # the account's own
    row: LeagueRow
    shadows: list[Shadow]  # by fill model
    band: OptimismBand | None
    reason: str  # why there is no band; empty when there is one

    @property
    def band_pct(self) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest return among the fill models."""
        return None if self.band is None else (self.band.low_pct, self.band.high_pct)

    @property
    def gap_pct(self) -> Decimal | None:
        """Highest less lowest return, in percentage points."""
        return None if self.band is None else self.band.gap_pct

    @property
    def since(self) -> datetime | None:
        """From when the returns count: the fork of the oldest shadow, by the market's clock."""
        return _oldest(self.shadows).since if self.band is not None else None

    def return_pct(self, fill_model: str) -> Decimal | None:
        """Return what the account has, or would have, made under a fill model since the band's beginning."""
        return None if self.band is None else self.band.returns_pct.get(fill_model)

    @property
    def lines(self) -> list[ModelLine]:
        """The account itself, then its shadows."""
        standing = self.row.standing
        own = ModelLine(
            fill_model=self.fill_model,
            is_own=True,
            equity=standing.equity if standing else None,
            fills=standing.fills if standing else 0,
            fees=standing.fees if standing else Decimal(0),
            return_pct=self.return_pct(self.fill_model),
            since=self.since,
        )
        shadows = [
            ModelLine(
                fill_model=shadow.fill_model,
                is_own=False,
                equity=shadow.equity,
                fills=shadow.fills,
                fees=shadow.fees,
                return_pct=self.return_pct(shadow.fill_model),
                since=shadow.since,
            )
            for shadow in self.shadows
        ]
        return [own, *shadows]


def shadows_of(accounts: Iterable[Account]) -> Mapping[int, list[Shadow]]:
    """Return the shadows of each account that has any, by fill model. One query."""
    shadows: dict[int, list[Shadow]] = defaultdict(list)
    for shadow in Shadow.objects.filter(account__in=list(accounts)).defer("checkpoint").order_by("fill_model"):
        shadows[shadow.account_id].append(shadow)
    return shadows


def optimism_of(row: LeagueRow, fill_model: str, shadows: list[Shadow], without: str) -> Optimism:
    """Return how far the fill models are apart for the account in ``row``; ``without`` says why it has no shadows."""
    band, reason = None, without
    if shadows:
        results = {shadow.fill_model: shadow.result for shadow in shadows}
        standing = row.standing
        results[fill_model] = standing.realised + standing.unrealised if standing else None
        known = {model: result for model, result in results.items() if result is not None}
        if len(known) == len(results):
            band = optimism_band(map(_origin, shadows), known)
        began_with = _oldest(shadows).since_equity
        is_worthless = began_with is not None and began_with <= 0
        reason = "" if band else NOTHING_TO_LOSE if is_worthless else NOT_VALUED
    return Optimism(fill_model=fill_model, row=row, shadows=shadows, band=band, reason=reason)


def _oldest(shadows: list[Shadow]) -> Shadow:
    return min(shadows, key=lambda shadow: shadow.since_sequence)


def _origin(shadow: Shadow) -> Origin:
    return Origin(sequence=shadow.since_sequence, equity=shadow.since_equity, result=shadow.since_result)
