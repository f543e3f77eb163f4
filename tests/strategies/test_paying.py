"""Deposits and withdrawals: requested by a person, applied by the worker, once, and never a profit."""

from __future__ import annotations

from decimal import Decimal as D
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction

from portfolios.models import Balance, Checkpoint, Command, LedgerEntry
from portfolios.selectors import league_rows, league_totals
from strategies.deployments.commands import flatten_deployment, request_payment
from strategies.deployments.services import reset_deployment
from strategies.seasons import new_season
from strategies.worker.commands import apply_to
from tests.rows import enter, stand
from tests.working import MARKET, Work, around
from trading.accounting.ledger import InsufficientFunds
from trading.signals import OrderType

pytestmark = pytest.mark.django_db


@pytest.fixture
def work() -> Work:
    work = Work()
    work.show(around(100))
    work.settle()
    return work


def request(work: Work, amount: str, currency: str = "USD", **more: str) -> Command:
    return request_payment(deployment=work.deployment, amount=D(amount), currency=currency, by="anna", **more)


def row_of(work: Work):
    (row,) = league_rows(work.season)
    return row


def test_what_is_paid_in_moves_the_stake_and_the_equity_and_never_the_result(work: Work) -> None:
    payment = request(work, "500", note="more to play with")

    assert work.apply() == {"a"}

    payment.refresh_from_db()
    row, (total,) = row_of(work), league_totals([row_of(work)])
    assert (payment.state, payment.result, payment.began_sequence) == ("done", {"value": "500"}, work.runner.sequence)
    assert payment.began_at == payment.ended_at is not None
    assert (row.stake, row.paid_in, row.equity, row.result, row.return_pct) == (1500, 1500, 1500, 0, 0)
    assert (total.capital, total.result, total.return_pct) == (1500, 0, 0)
    assert Balance.objects.get(currency="USD").amount == 1500
    entries = LedgerEntry.objects.filter(entry_id__startswith=f"a:payment-{payment.pk}:")
    assert {e.party: e.amount for e in entries} == {"account": 500, "owner": -500}


def test_what_is_taken_out_is_no_loss(work: Work) -> None:
    work.trade("buy", 2)
    before = row_of(work).result

    request(work, "-300")
    work.apply()
    work.settle()

    row = row_of(work)
    assert (row.stake, row.paid_in, row.result) == (700, 1000, before)
    assert row.return_pct == before / 1000 * 100
    assert row.standing.drawdown_pct < 1


def test_a_deposit_lifts_nobody_in_the_league(work: Work) -> None:
    stand(enter(work.season, "better"), "101")

    request(work, "5000")
    work.apply()

    assert [row.slug for row in league_rows(work.season)] == ["better", "a"]


def test_another_currency_is_valued_at_mid(work: Work) -> None:
    payment = request(work, "2", "XRP")

    work.apply()

    payment.refresh_from_db()
    assert payment.result == {"value": "200"}
    assert (row_of(work).stake, Balance.objects.get(currency="XRP").amount) == (1200, 2)


@pytest.mark.parametrize(
    ("amount", "currency", "sentence"),
    [
        ("-1000.01", "USD", "1000.01 USD were to be taken out; 1000 are free"),
        ("-1", "XRP", "1 XRP were to be taken out; 0 are free"),
        ("5", "DOGE", "what a DOGE is worth in USD is not known yet"),
    ],
)
def test_a_rejection_is_on_record_with_its_sentence_and_moves_nothing(
    work: Work, amount: str, currency: str, sentence: str
) -> None:
    payment = request(work, amount, currency)

    work.apply()

    payment.refresh_from_db()
    assert (payment.state, payment.message, payment.result) == ("rejected", sentence, {})
    assert row_of(work).stake == 1000
    assert not LedgerEntry.objects.filter(entry_id__contains="payment").exists()


def test_what_an_order_has_spoken_for_cannot_be_taken_out(work: Work) -> None:
    work.trade("buy", 5, type=OrderType.LIMIT, limit_ticks=90)
    payment = request(work, "-800")

    work.apply()

    payment.refresh_from_db()
    assert (payment.state, payment.message) == ("rejected", "800 USD were to be taken out; 548.2 are free")


def test_what_secures_a_short_cannot_be_taken_out(work: Work) -> None:
    work.trade("sell", 10, leverage=2)
    payment = request(work, "-900")

    work.apply()

    payment.refresh_from_db()
    assert (payment.state, payment.message) == ("rejected", "900 USD secure what the account owes")


def test_a_worker_killed_before_it_committed_leaves_the_payment_requested_and_its_successor_applies_it_once(
    work: Work,
) -> None:
    payment = request(work, "500")
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        work.apply()
        raise KeyboardInterrupt  # before the commit: nothing of it is in the database

    payment.refresh_from_db()
    requested = payment.state
    work.dies()
    work.apply()
    work.apply()
    work.show()

    payment.refresh_from_db()
    assert (requested, payment.state) == ("requested", "done")
    assert work.hosted.engine.account.balance("USD") == Balance.objects.get(currency="USD").amount == 1500


def test_a_worker_killed_after_it_committed_has_applied_it_for_good(work: Work) -> None:
    request(work, "500")
    work.apply()

    work.dies()
    work.apply()
    work.show()

    assert work.hosted.engine.account.state.stake == 1500
    assert Checkpoint.objects.get().sequence == work.runner.sequence - 1
    assert LedgerEntry.objects.filter(entry_id__contains="payment", party="account").count() == 1


def test_a_payment_waits_until_the_stake_is_there_and_its_price_is_known() -> None:
    work = Work()
    payment = request(work, "2", "XRP")
    work.apply()
    payment.refresh_from_db()
    waiting = payment.state

    work.show(around(100))
    work.apply()

    payment.refresh_from_db()
    assert (waiting, payment.state) == ("requested", "done")


def test_payments_are_applied_in_the_order_of_requests(work: Work) -> None:
    request(work, "-1200")
    request(work, "500")
    request(work, "-1200")

    work.apply()

    assert list(Command.objects.order_by("pk").values_list("state", flat=True)) == ["rejected", "done", "done"]


def test_another_engine_of_the_same_money_can_be_paid_the_same(work: Work) -> None:
    payment = request(work, "500")
    shadow = type(work.hosted.engine).resume(
        work.hosted.engine.strategy, {}, work.hosted.engine.terms, work.hosted.engine.checkpoint()
    )

    apply_to(shadow, payment, work.runner.market.snapshot())

    assert (shadow.account.state.stake, work.hosted.engine.account.state.stake) == (1500, 1000)


def test_paying_an_engine_what_it_cannot_give_changes_nothing(work: Work) -> None:
    payment = request(work, "-5000")
    engine = work.hosted.engine
    before = engine.checkpoint()

    with pytest.raises(InsufficientFunds):
        apply_to(engine, payment, work.runner.market.snapshot())

    assert engine.checkpoint() == before


@pytest.mark.parametrize("close", ["reset", "season"])
def test_what_was_requested_of_an_account_that_is_closed_is_withdrawn(work: Work, close: str) -> None:
    payment = request(work, "500")

    if close == "reset":
        reset_deployment(deployment=work.deployment, by="test")
    else:
        new_season(market=MARKET, by="test")
    work.apply()

    payment.refresh_from_db()
    assert payment.state == "withdrawn"
    assert "the account was closed" in payment.message


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("0", "USD", "above or below zero"),
        ("NaN", "USD", "above or below zero"),
        ("1e30", "USD", "above or below zero"),
        ("0.00000000001", "USD", "at most ten decimals"),
        ("1", "usd!", "expected one like USD or BTC"),
    ],
)
def test_what_is_no_payment_is_rejected_before_it_is_a_row(work: Work, amount: str, currency: str, words: str) -> None:
    with pytest.raises(ValidationError) as rejected:
        request(work, amount, currency)

    assert words in " ".join(rejected.value.messages)
    assert not Command.objects.exists()


def test_the_command_line_requests_it_and_says_so(work: Work) -> None:
    out = StringIO()

    call_command("pay", "a", "-25.5", "usd", "--note", "rent", stdout=out)

    payment = Command.objects.get()
    assert payment.arguments == {"amount": "-25.5", "currency": "USD", "note": "rent"}
    assert payment.requested_by == "manage.py pay"
    assert "withdrawal of 25.5 USD for a requested" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("nobody", "1", "USD"), "no deployment is called 'nobody'"), (("a", "much", "USD"), "amount is 'much'")],
)
def test_the_command_line_says_what_is_wrong_in_one_line(work: Work, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("pay", *words)


def test_a_deployment_without_an_account_cannot_be_paid(work: Work) -> None:
    work.account.closed_at = work.account.opened_at
    type(work.account).objects.update(closed_at=work.account.opened_at)

    with pytest.raises(ValidationError, match="no open account"):
        request(work, "5")


def test_one_requested_before_there_was_one_queue_is_applied_once_under_its_old_name(work: Work) -> None:
    payment = request(work, "500")
    Command.objects.update(legacy_key="payment-7")

    work.apply()
    work.dies()
    work.apply()

    payment.refresh_from_db()
    assert (payment.state, payment.number) == ("done", 7)
    entries = LedgerEntry.objects.filter(entry_id__startswith="a:payment-7:")
    assert {e.party: e.amount for e in entries} == {"account": 500, "owner": -500}


def test_the_lists_of_payments_and_flattenings_keep_their_ids_and_words(work: Work, client) -> None:
    request(work, "-5000")
    request(work, "500", note="more")
    Command.objects.filter(arguments__amount="500").update(legacy_key="payment-7")
    work.apply()
    flatten_deployment(deployment=work.deployment, by="ben")
    address = "/api/v1/deployments/a"

    listed = client.get(f"{address}/payments/").json()["results"]
    (flattening,) = client.get(f"{address}/flattenings/").json()["results"]

    assert list(listed[0]) == [
        *("id", "amount", "currency", "by", "note", "asked_at", "state", "sentence", "value", "sequence", "applied_at")
    ]
    assert [(p["id"] == 7, p["amount"], p["state"], p["value"], p["note"]) for p in listed] == [
        (True, "500", "applied", "500", "more"),
        (False, "-5000", "refused", None, ""),
    ]
    assert listed[1]["sentence"] == "5000 USD were to be taken out; 1000 are free"
    assert client.get(f"{address}/payments/", {"state": "refused", "currency": "USD"}).json()["results"] == listed[1:]
    assert list(flattening) == [
        *("id", "by", "asked_at", "state", "sentence", "orders", "sequence", "begun_at", "done_sequence", "done_at")
    ]
    assert (flattening["by"], flattening["state"], flattening["orders"]) == ("ben", "asked", 0)
