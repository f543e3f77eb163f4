"""How much of a result depends on the fill model: what one deployment has made under each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.accounting.ledger import ZERO
from trading.performance.returns import return_pct


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a shadow was forked from its deployment: until then both have one history."""

    sequence: int  # the last frame in common
    time_ns: int = 0  # the market's clock; zero until the account has been valued
    equity: Decimal | None = None  # account currency; None until the account has been valued
    result: Decimal = ZERO  # equity less stake


@dataclass(frozen=True, slots=True)
class OptimismBand:
    """What each fill model has made of the same equity since ``origin``."""

    origin: Origin
    returns_pct: Mapping[str, Decimal]  # by fill model; gain since then in percent of the equity then

    @property
    def low_pct(self) -> Decimal:
        """The return under the fill model that did worst."""
        return min(self.returns_pct.values())

    @property
    def high_pct(self) -> Decimal:
        """The return under the fill model that did best."""
        return max(self.returns_pct.values())

    @property
    def gap_pct(self) -> Decimal:
        """The optimism gap: best less worst, in percentage points."""
        return self.high_pct - self.low_pct


def optimism_band(origins: Iterable[Origin], results: Mapping[str, Decimal]) -> OptimismBand | None:
    """Return the band that ``results`` (equity less stake, by fill model) span since the earliest of ``origins``.

    A shadow that was forked later had its deployment's equity until then, so that all of
    them had the same equity at the earliest. What the owner pays in or takes out is no
    result. None where nothing can be compared: no shadow, or nothing of worth to begin with.
    """
    origin = min(origins, key=lambda each: each.sequence, default=None)
    if origin is None or origin.equity is None:
        return None
    made = {model: return_pct(result - origin.result, origin.equity) for model, result in results.items()}
    returns_pct = {model: pct for model, pct in made.items() if pct is not None}
    return OptimismBand(origin, returns_pct) if returns_pct else None
