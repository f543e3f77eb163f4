"""A shadow: a deployment as it fares under another fill model, beginning with what it had when it was forked.

It has the deployment's strategy, config, slug (and so the same random numbers) and
terms; only the fill model differs. It has the market to itself, also where the
deployment shares a book: what it takes, nobody misses.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from trading.engine import Engine
from trading.engine.commands import allow_entries, stop_entries
from trading.engine.outcome import Outcome
from trading.exchange.models import FILL_MODELS
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot
from trading.performance.optimism import OptimismBand, Origin, optimism_band

Show = Callable[[Engine, Frame, MarketSnapshot], Outcome]  # how an engine is shown a frame


class Shadow:
    """One deployment under one other fill model."""

    def __init__(self, engine: Engine, origin: Origin, errors: int = 0) -> None:
        self.engine = engine
        self.origin = origin
        self.errors = errors  # raised by the strategy since the fork; they halt nobody but the shadow

    @classmethod
    def fork(cls, engine: Engine, model: str) -> Shadow:
        """Return a shadow of ``engine`` as it is now; both go on from the same account, orders and memory.

        Raises:
            UnsavableState: the strategy keeps something that cannot be copied.
        """
        figures = engine.figures
        origin = Origin(sequence=engine.sequence)
        if figures.equity is not None:
            result = figures.equity - figures.stake
            origin = Origin(sequence=engine.sequence, time_ns=engine.time_ns, equity=figures.equity, result=result)
        return cls(under(engine, model, engine.checkpoint()), origin)

    @property
    def model(self) -> str:
        """The name of its fill model."""
        return self.engine.terms.fill_model

    @property
    def result(self) -> Decimal | None:
        """Equity less stake, in the account's currency; None until it has been valued."""
        return result_of(self.engine)

    def follow(self, engine: Engine) -> None:
        """Go on with the present strategy, config and terms of the deployment; nothing the shadow did is lost."""
        self.engine = under(engine, self.model, self.engine.checkpoint())

    def process(self, frame: Frame, snapshot: MarketSnapshot, show: Show = Engine.process) -> None:
        """Take in one frame, as ``show`` shows it; a frame at or before the cursor changes nothing."""
        self.errors += len(show(self.engine, frame, snapshot).errors)
        figures = self.engine.figures
        if self.origin.equity is None and figures.equity is not None:
            # Forked before there was anything to value: both began with the stake.
            payments = self.engine.account.state.payments
            paid_in_ns = payments[0].time_ns if payments else frame.time_ns
            self.origin = Origin(sequence=self.origin.sequence, time_ns=paid_in_ns, equity=figures.stake)


def under(engine: Engine, model: str, checkpoint: bytes) -> Engine:
    """Return ``checkpoint`` resumed as the deployment of ``engine``, but under ``model`` and on a book of its own."""
    terms = msgspec.structs.replace(engine.terms, fill_model=model)
    resumed = Engine.resume(engine.strategy, engine.config, terms, checkpoint)
    resumed.is_paused, resumed.is_supervised = engine.is_paused, engine.is_supervised
    if engine.are_entries_stopped:
        stop_entries(resumed.desk)
    else:
        allow_entries(resumed.desk)
    if not engine.is_paused:
        resumed.end_flattening()
    return resumed


def other_models(engine: Engine) -> list[str]:
    """Return the fill models that the engine's shadows run."""
    return [name for name in FILL_MODELS if name != engine.terms.fill_model]


def result_of(engine: Engine) -> Decimal | None:
    """Return equity less stake, in the account's currency; None until the account has been valued."""
    equity = engine.figures.equity
    return None if equity is None else equity - engine.account.state.stake


def band_of(engine: Engine, shadows: list[Shadow]) -> OptimismBand | None:
    """Return how far apart the fill models are, None while nothing can be compared."""
    results = {each.terms.fill_model: result_of(each) for each in (engine, *(shadow.engine for shadow in shadows))}
    known = {model: result for model, result in results.items() if result is not None}
    return optimism_band((shadow.origin for shadow in shadows), known) if len(known) == len(results) else None
