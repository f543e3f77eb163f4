"""An account's margin status, in words and a tone."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.page.banner import Tone
from portfolios.models import Standing
from portfolios.selectors import MarginState, margin_state


@dataclass(frozen=True, slots=True)
class MarginWords:
    """What a person reads beside the margin level."""

    tone: Tone
    state: str
    sentence: str


def margin_words(standing: Standing | None) -> MarginWords:
    """Return the words for an account as of its standing."""
    state = margin_state(standing)
    if standing is None or state is MarginState.NONE:
        return MarginWords(Tone.GOOD, "no loans", "No loans, no margin requirement.")
    if state is MarginState.BANKRUPT:
        return MarginWords(Tone.BAD, "bankrupt", "All positions are closed and loans exceed assets: no new positions.")
    if standing.margin_level_pct is None:
        return MarginWords(Tone.WARNING, "loan outstanding", "No margin positions, but a loan is outstanding.")
    levels = f"call at {standing.call_level_pct:.1f} %, liquidation below {standing.closing_level_pct:.1f} %"
    match state:
        case MarginState.CLOSING:
            return MarginWords(Tone.BAD, "liquidating", f"The exchange is closing positions: {levels}.")
        case MarginState.CALLED:
            return MarginWords(Tone.WARNING, "margin call", f"Margin call by the exchange: {levels}.")
    return MarginWords(Tone.GOOD, "OK", f"Margin requirement met: {levels}.")
