"""The shadows of a hosted deployment: which it should have, and keeping them beside it.

What goes wrong in a shadow never reaches its deployment: what a shadow's strategy raises is
counted, and a shadow that cannot go on ends, and is forked anew when shadows are arranged next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings

from portfolios import models
from portfolios.models import Season
from portfolios.rows.shadows import ShadowUpdate, require_fitting_shadow
from portfolios.selectors import league_rows
from strategies.models import Deployment
from strategies.terms import ShadowChoice
from trading.engine import Engine
from trading.engine.shadow import Shadow, Show, other_models, under
from trading.frames import Frame
from trading.market_snapshot import MarketSnapshot
from trading.minutes import ns_of
from trading.performance.optimism import Origin

_log = logging.getLogger("worker")


def wants_shadows(choice: str, *, has_place: bool) -> bool:
    """Return whether a deployment has shadows; only left to itself does its place in the league decide."""
    return has_place if choice == ShadowChoice.AUTO else choice == ShadowChoice.ON


def has_place(rank: int, *, is_running: bool, top: int) -> bool:
    """Return whether a deployment is good enough for shadows: among the ``top``.

    Those it has it keeps down to twice that place: two that change places do not begin anew each time.
    """
    return rank <= (2 * top if is_running else top)


def placed_deployments(season: Season) -> frozenset[int]:
    """Return the ids of the deployments whose place in ``season`` is good enough for shadows now. Three queries."""
    running = set(models.Shadow.objects.filter(account__season=season).values_list("account_id", flat=True))
    accounts = {
        row.account.pk
        for row in league_rows(season)
        if has_place(row.rank, is_running=row.account.pk in running, top=settings.PADDOCK_SHADOWS_TOP)
    }
    return frozenset(Deployment.objects.filter(account__in=accounts).values_list("pk", flat=True))


@dataclass(slots=True)
class Shadows:
    """The shadows of one hosted deployment, and what of them is still to be written."""

    account_id: int
    running: dict[str, Shadow] = field(default_factory=dict)  # by fill model
    ended: set[str] = field(default_factory=set)  # fill models whose rows must go
    is_arranged_anew: bool = False  # since they were written

    @classmethod
    def restored(cls, account_id: int, engine: Engine, rows: Iterable[models.Shadow]) -> Shadows:
        """Return the shadows that ``rows`` keep, stored with the checkpoint that ``engine`` was resumed from."""
        shadows = cls(account_id)
        for row in rows:
            shadow = _restored(row, engine)
            if shadow is None:
                shadows._end(row.fill_model)
            else:
                shadows.running[row.fill_model] = shadow
        return shadows

    def arrange(self, engine: Engine, *, are_wanted: bool) -> None:
        """Have those run that should. One that is missing is forked from the deployment as it is now."""
        wanted = other_models(engine) if are_wanted else []
        for model in [model for model in self.running if model not in wanted]:
            self._end(model)
        for model in wanted:
            if model not in self.running:
                try:
                    self.running[model] = Shadow.fork(engine, model)
                except Exception as error:
                    about = {"deployment": engine.terms.slug}
                    _log.warning("a deployment gets no %s shadow: %s", model, error, extra=about)
                    continue
                self.is_arranged_anew = True

    def follow(self, engine: Engine) -> None:
        """Go on with the deployment's present config and terms; the shadow of its own fill model ends."""
        for model, shadow in list(self.running.items()):
            if model == engine.terms.fill_model:
                self._end(model)
                continue
            try:
                shadow.follow(engine)
            except Exception as error:
                self._give_up(shadow, error)
                continue
            if not engine.is_paused:
                shadow.engine.lift_halt()

    def process(self, engine: Engine, frame: Frame, snapshot: MarketSnapshot, show: Show = Engine.process) -> None:
        """Take in the frame that ``engine`` has taken in, as ``show`` shows it; they are paused while it is."""
        for shadow in list(self.running.values()):
            shadow.engine.is_paused = engine.is_paused or engine.is_halted
            try:
                shadow.process(frame, snapshot, show)
            except Exception as error:
                self._give_up(shadow, error)

    def share(self, command: Callable[[Engine], object]) -> None:
        """Apply the same ``command`` to each that was just applied to the deployment.

        One that cannot give what is withdrawn cannot be compared any more, and ends.
        """
        for shadow in list(self.running.values()):
            try:
                command(shadow.engine)
            except Exception as error:
                self._give_up(shadow, error)

    def updates(self, *, with_checkpoint: bool) -> list[ShadowUpdate]:
        """Return what is to be written of them, with checkpoints where the deployment is written with its own."""
        updates = []
        for shadow in list(self.running.values()):
            try:
                update = ShadowUpdate(self.account_id, shadow, shadow.engine.checkpoint() if with_checkpoint else None)
                require_fitting_shadow(update)
            except Exception as error:
                self._give_up(shadow, error)
                continue
            updates.append(update)
        return updates

    def were_written(self) -> None:
        """Forget what was still to be written."""
        self.ended.clear()
        self.is_arranged_anew = False

    def _give_up(self, shadow: Shadow, error: Exception) -> None:
        about = {"deployment": shadow.engine.terms.slug}
        _log.error("the %s shadow of a deployment ends", shadow.model, exc_info=error, extra=about)
        self._end(shadow.model)

    def _end(self, model: str) -> None:
        self.running.pop(model, None)
        self.ended.add(model)
        self.is_arranged_anew = True


def _restored(row: models.Shadow, engine: Engine) -> Shadow | None:
    """Return the shadow that ``row`` keeps; None where it does not belong beside ``engine`` as it stands."""
    if row.sequence != engine.sequence or row.fill_model not in other_models(engine):
        return None
    since_ns = ns_of(row.since) if row.since else 0
    origin = Origin(sequence=row.since_sequence, time_ns=since_ns, equity=row.since_equity, result=row.since_result)
    try:
        resumed = under(engine, row.fill_model, bytes(row.checkpoint))
    except Exception as error:
        about = {"deployment": engine.terms.slug}
        _log.warning("the %s shadow of a deployment cannot be taken up again: %s", row.fill_model, error, extra=about)
        return None
    return Shadow(resumed, origin, row.errors)
