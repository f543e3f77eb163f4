"""What people request of a deployment's account: one queue, applied in order by the worker that holds the account."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portfolios.models.accounts import Account


class CommandKind(models.TextChoices):
    """What is requested."""

    FLATTEN = "flatten", "flatten (cancel all orders, close all positions)"
    STOP_ENTRIES = "stop_entries", "stop entries"
    ALLOW_ENTRIES = "allow_entries", "allow entries"
    PAY = "pay", "deposit or withdraw"
    CLOSE = "close", "close a position"
    CANCEL = "cancel", "cancel an order"


class CommandState(models.TextChoices):
    """How far a command has come."""

    REQUESTED = "requested", "requested (the worker has not begun it)"
    RUNNING = "running", "running (begun, not finished)"
    DONE = "done", "done"
    REJECTED = "rejected", "rejected (it could not be done)"
    WITHDRAWN = "withdrawn", "withdrawn (a later request or the end of the account ended it)"


# A payment or an entry stop is done as soon as it is applied; the others run until their orders have ended.
COMMAND_TRANSITIONS: dict[CommandState, frozenset[CommandState]] = {
    CommandState.REQUESTED: frozenset(
        {CommandState.RUNNING, CommandState.DONE, CommandState.REJECTED, CommandState.WITHDRAWN}
    ),
    CommandState.RUNNING: frozenset({CommandState.DONE, CommandState.REJECTED, CommandState.WITHDRAWN}),
    CommandState.DONE: frozenset(),
    CommandState.REJECTED: frozenset(),
    CommandState.WITHDRAWN: frozenset(),
}
OPEN_STATES = tuple(state for state, following in COMMAND_TRANSITIONS.items() if following)
_KEY_PREFIXES = {CommandKind.PAY.value: "payment"}  # what ledger entries have always been named after


class IllegalTransition(ValueError):
    """A command cannot go from the state that it is in to the one that was named."""


class Command(models.Model):
    """One request of a person; ids ascend in the order of the requests, which is the order of application."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=20, choices=CommandKind)
    arguments = models.JSONField(default=dict, help_text="the fields of the kind's struct in portfolios.commands")
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField(default=timezone.now, editable=False, help_text="wall clock")
    state = models.CharField(max_length=10, choices=CommandState, default=CommandState.REQUESTED)
    message = models.CharField(
        max_length=500, blank=True, help_text="what it waits for, what was left, or why it was rejected or withdrawn"
    )
    result = models.JSONField(default=dict, help_text="the fields of the kind's result in portfolios.commands")
    began_sequence = models.BigIntegerField(null=True, blank=True, help_text="the frame after which it was applied")
    began_at = models.DateTimeField(null=True, blank=True, help_text="the market's clock")
    ended_sequence = models.BigIntegerField(null=True, blank=True, help_text="the frame with which it ended")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="the market's clock")
    legacy_key = models.CharField(
        max_length=40,
        null=True,
        unique=True,
        editable=False,
        help_text="the key of a command from before there was one queue: ledger entries and checkpoints name it",
    )

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("account",),
                condition=Q(kind=CommandKind.FLATTEN, state__in=OPEN_STATES),
                name="one_flatten_at_a_time",
            ),
        )
        indexes = (
            models.Index(fields=("account",), condition=Q(state__in=OPEN_STATES), name="open_commands"),
            models.Index(fields=("account", "kind", "-id"), name="commands_by_kind"),
        )

    def __str__(self) -> str:
        return f"{self.key} by {self.requested_by}: {self.state}"

    @property
    def key(self) -> str:
        """The name by which the engine, ledger entries and checkpoints know the command; no other command has it."""
        prefix = _KEY_PREFIXES.get(self.kind, self.kind.replace("_", "-"))
        return self.legacy_key or f"{prefix}-{self.pk}"

    @property
    def number(self) -> int:
        """The number in the key: the id under which the lists of payments and flattenings show the command."""
        return int(self.key.rpartition("-")[2])

    @property
    def is_open(self) -> bool:
        """True until it is done, rejected or withdrawn."""
        return self.state in OPEN_STATES

    def advance(self, state: CommandState, message: str = "") -> None:
        """Go on to ``state``; the caller saves.

        Raises:
            IllegalTransition: the command cannot go there from where it is.
        """
        if state not in COMMAND_TRANSITIONS[CommandState(self.state)]:
            raise IllegalTransition(f"{self.key} is {self.state}: it cannot become {state}")
        self.state, self.message = state, message[:500]


def states_before(state: CommandState) -> list[CommandState]:
    """Return the states from which a command may go to ``state``."""
    return [before for before, following in COMMAND_TRANSITIONS.items() if state in following]
