"""How an account stands with its lender, in words and a tone."""

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
        return MarginWords(Tone.GOOD, "nothing is owed", "Nothing is borrowed: there is no margin to keep.")
    if state is MarginState.BANKRUPT:
        return MarginWords(Tone.BAD, "bankrupt", "All is closed, and more is owed than there is: it opens no position.")
    if standing.margin_level_pct is None:
        return MarginWords(
            Tone.WARNING, "owes a rest", "No position is on margin any more, but something is still owed."
        )
    levels = f"called at {standing.call_level_pct:.1f} %, closed below {standing.closing_level_pct:.1f} %"
    match state:
        case MarginState.CLOSING:
            return MarginWords(Tone.BAD, "being closed", f"The exchange closes positions: {levels}.")
        case MarginState.CALLED:
            return MarginWords(Tone.WARNING, "margin call", f"The exchange has called margin: {levels}.")
    return MarginWords(Tone.GOOD, "secured", f"The account secures what it owes: {levels}.")
