"""The states of commands as the lists of payments and of flattenings spell them: programs read those."""

from portfolios.models import CommandState

OF_PAYMENTS = {
    CommandState.REQUESTED: "asked",
    CommandState.RUNNING: "asked",
    CommandState.DONE: "applied",
    CommandState.REJECTED: "refused",
    CommandState.WITHDRAWN: "refused",
}
OF_FLATTENINGS = {
    CommandState.REQUESTED: "asked",
    CommandState.RUNNING: "under_way",
    CommandState.DONE: "done",
    CommandState.REJECTED: "withdrawn",
    CommandState.WITHDRAWN: "withdrawn",
}
