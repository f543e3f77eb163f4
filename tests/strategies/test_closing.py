"""Close a position, cancel an order: requested by a person, carried out by the worker, once, whenever it dies."""

from __future__ import annotations

from decimal import Decimal as D
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction

from portfolios.models import Checkpoint, Command, Fill, Order, Position
from strategies.deployments.commands import cancel_order, close_position, flatten_deployment, request_payment
from strategies.deployments.services import reset_deployment
from strategies.models import Deployment
from tests.working import Work, around
from trading.signals import OrderType

pytestmark = pytest.mark.django_db
MAINTENANCE = {"statuses": {"XRP/USD": "maintenance"}}


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.settle()
    return work


def deployment() -> Deployment:
    return Deployment.objects.get()


def close(qty: str | None = None, symbol: str = "XRP/USD") -> Command:
    return close_position(deployment=deployment(), symbol=symbol, qty=None if qty is None else D(qty), by="anna")


def cancel(order_id: str) -> Command:
    return cancel_order(deployment=deployment(), order_id=order_id, by="anna")


def carry_out(work: Work, frames: int = 6, **changes: object) -> None:
    work.apply()
    for _ in range(frames):
        work.show(**changes)


def rest(work: Work) -> str:
    """Have a limit order rest deep in the book; return its id."""
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=90)
    return Order.objects.get(type="limit").order_id


# Close


@pytest.mark.parametrize(("qty", "left"), [(None, 0), ("0.5", D("1.5")), ("2", 0)])
def test_a_position_is_closed_at_market_whole_or_in_part(work: Work, qty: str | None, left: D) -> None:
    work.trade("buy", 2)
    command = close(qty)

    carry_out(work)

    command.refresh_from_db()
    fill = Fill.objects.latest("id")
    assert (command.state, command.message, command.result) == ("done", "", {"order_id": fill.order_id})
    assert command.began_sequence < command.ended_sequence == fill.sequence
    assert (fill.side, fill.qty, fill.reason, fill.signal_code) == (
        "sell",
        2 - left,
        "closed by anna",
        "close_position",
    )
    assert Position.objects.get().qty == left
    assert not work.hosted.awaited


def test_a_short_is_bought_back(work: Work) -> None:
    work.trade("sell", 3, leverage=2)
    close()

    carry_out(work)

    assert Position.objects.get().qty == 0
    assert Fill.objects.latest("id").side == "buy"


def test_the_same_requested_twice_is_one_command_and_another_part_is_another(work: Work) -> None:
    work.trade("buy", 2)

    first, second, other = close("0.5"), close("0.5"), close("1")
    carry_out(work)

    assert first == second != other
    assert sorted(Fill.objects.filter(side="sell").values_list("qty", flat=True)) == [D("0.5"), 1]
    assert Position.objects.get().qty == D("0.5")


@pytest.mark.parametrize("frames", range(4))
def test_a_worker_killed_at_any_frame_of_it_leaves_the_rest_to_its_successor(work: Work, frames: int) -> None:
    work.trade("buy", 2)
    command = close("0.5")
    carry_out(work, frames)

    work.dies()
    carry_out(work)
    work.dies()
    carry_out(work)

    command.refresh_from_db()
    assert command.state == "done"
    assert [f.qty for f in Fill.objects.filter(side="sell")] == [D("0.5")]


def test_a_worker_killed_before_it_committed_leaves_it_requested(work: Work) -> None:
    work.trade("buy", 2)
    command = close()
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        work.apply()
        raise KeyboardInterrupt  # before the commit: nothing of it is in the database
    command.refresh_from_db()
    requested = command.state

    work.dies()
    carry_out(work)

    command.refresh_from_db()
    assert (requested, command.state) == ("requested", "done")
    assert [f.qty for f in Fill.objects.filter(side="sell")] == [2]


def test_what_the_exchange_does_not_take_is_rejected_with_its_reason(work: Work) -> None:
    work.trade("buy", 2)
    command = close()

    carry_out(work, statuses={"XRP/USD": "stale"})

    command.refresh_from_db()
    assert (command.state, command.message) == ("rejected", "XRP/USD is stale: its book is not known")
    assert Position.objects.get().qty == 2


def test_what_was_closed_before_the_worker_came_to_it_is_rejected(work: Work) -> None:
    work.trade("buy", 2)
    command = close()
    work.trade("sell", 2)

    carry_out(work)

    command.refresh_from_db()
    assert (command.state, command.message) == ("rejected", "nothing of XRP/USD is open")
    assert command.ended_sequence is not None


def test_shadows_close_what_they_hold(work: Work) -> None:
    work.trade("buy", 2)
    work.hosted.shadows.arrange(work.hosted.engine, are_wanted=True)
    close("0.5")

    carry_out(work)

    lots = {s.engine.account.position("XRP/USD").lots for s in work.hosted.shadows.running.values()}
    assert lots == {work.hosted.engine.account.position("XRP/USD").lots}
    assert len(work.hosted.shadows.running) == 2


def test_one_that_runs_when_the_account_is_closed_is_withdrawn(work: Work) -> None:
    work.trade("buy", 2)
    command = close()
    work.apply()

    reset_deployment(deployment=deployment(), by="ben")

    command.refresh_from_db()
    assert (command.state, command.message) == ("withdrawn", "reset by ben: the account was closed")


# Cancel


def test_an_order_is_cancelled_and_the_others_stay(work: Work) -> None:
    first = rest(work)
    work.trade("buy", 1, type=OrderType.LIMIT, limit_ticks=89)
    command = cancel(first)

    carry_out(work)

    command.refresh_from_db()
    assert (command.state, command.message) == ("done", "")
    assert command.began_sequence < command.ended_sequence
    assert Order.objects.get(order_id=first).status == "cancelled"
    assert Order.objects.exclude(order_id=first).get().status == "open"


@pytest.mark.parametrize("frames", range(4))
def test_a_worker_killed_while_it_cancels_leaves_the_rest_to_its_successor(work: Work, frames: int) -> None:
    command = cancel(rest(work))
    carry_out(work, frames)

    work.dies()
    carry_out(work)

    command.refresh_from_db()
    assert command.state == "done"
    assert Order.objects.get().status == "cancelled"


def test_what_is_filled_first_is_rejected(work: Work) -> None:
    command = cancel(rest(work))
    work.apply()

    work.show("91 x 1000000\n---\n85 x 1000000", trades="sell 85 x 1000000")
    for _ in range(5):
        work.show()

    command.refresh_from_db()
    assert (command.state, command.message) == ("rejected", "the order was filled before the cancellation arrived")


def test_what_maintenance_keeps_is_rejected_with_its_reason_and_can_be_requested_again(work: Work) -> None:
    order_id = rest(work)
    command = cancel(order_id)

    carry_out(work, **MAINTENANCE)
    again = cancel(order_id)
    carry_out(work, statuses={"XRP/USD": "online"})

    command.refresh_from_db()
    again.refresh_from_db()
    assert (command.state, again.state) == ("rejected", "done")
    assert "maintenance" in command.message


def test_a_shadow_without_the_order_goes_on(work: Work) -> None:
    order_id = rest(work)
    work.hosted.shadows.arrange(work.hosted.engine, are_wanted=True)
    for shadow in work.hosted.shadows.running.values():
        shadow.engine.state.exchange.orders.clear()
    cancel(order_id)

    carry_out(work)

    assert len(work.hosted.shadows.running) == 2


# The queue


def test_commands_are_applied_in_the_order_of_requests_and_one_that_waits_holds_up_none(work: Work) -> None:
    work.trade("buy", 2)
    waiting = request_payment(deployment=deployment(), amount=D(5), currency="BTC", by="anna")
    before = [close("0.5"), request_payment(deployment=deployment(), amount=D(50), currency="USD", by="ben")]
    flatten = flatten_deployment(deployment=deployment(), by="anna")

    carry_out(work)

    commands = [Command.objects.get(pk=c.pk) for c in [*before, flatten]]
    assert [c.began_sequence for c in commands] == [commands[0].began_sequence] * 3
    assert [c.state for c in commands][1:] == ["done", "done"]
    assert Command.objects.get(pk=waiting.pk).state == "rejected"  # nobody here trades BTC: no price will come
    assert Position.objects.get().qty == 0


def test_each_command_is_saved_with_the_checkpoint_that_knows_of_it(work: Work) -> None:
    work.trade("buy", 2)
    for _ in range(3):
        work.show()
    command = close()

    work.apply()

    command.refresh_from_db()
    assert Checkpoint.objects.get().sequence == command.began_sequence == work.runner.sequence


# The command line


def test_close_and_cancel_request_and_say_so(work: Work) -> None:
    work.trade("buy", 2)
    order_id, out = rest(work), StringIO()

    call_command("close", "a", "xrp/usd", "--qty", "0.5", stdout=out)
    call_command("cancel", "a", order_id, stdout=out)

    assert [(c.kind, c.requested_by) for c in Command.objects.order_by("pk")] == [
        ("close", "manage.py close"),
        ("cancel", "manage.py cancel"),
    ]
    assert "close 0.5 of XRP/USD for a requested; its worker carries it out" in out.getvalue()
    assert f"cancel order {order_id} of a requested" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("close", "nobody", "XRP/USD"), "no deployment is called 'nobody'"),
        (("cancel", "nobody", "x"), "no deployment is called 'nobody'"),
        (("close", "a", "XRP/USD"), "a has no open position in XRP/USD; it has none"),
        (("close", "a", "XRP/USD", "--qty", "much"), "qty is 'much'; expected a number like 0.5"),
        (("cancel", "a", "x"), "a has no order x"),
    ],
)
def test_what_cannot_be_requested_is_one_clear_line(work: Work, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command(*words)


def test_less_than_nothing_is_not_closed(work: Work) -> None:
    work.trade("buy", 2)

    with pytest.raises(ValidationError, match="expected a number above 0, at most 2"):
        close("-1")
