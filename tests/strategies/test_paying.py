"""Paying in and taking out: asked by a person, applied by the worker, once, and never a profit."""

from __future__ import annotations

from decimal import Decimal as D
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import transaction

from portfolios.models import Balance, Checkpoint, LedgerEntry, Payment
from portfolios.selectors import league_rows, league_totals
from strategies.deployments.payments import ask_to_pay
from strategies.deployments.services import reset_deployment
from strategies.seasons import new_season
from strategies.worker.commands import apply_payments, apply_to
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


def ask(work: Work, amount: str, currency: str = "USD", **more: str) -> Payment:
    return ask_to_pay(deployment=work.deployment, amount=D(amount), currency=currency, by="anna", **more)


def row_of(work: Work):
    (row,) = league_rows(work.season)
    return row


def test_what_is_paid_in_moves_the_stake_and_the_equity_and_never_the_result(work: Work) -> None:
    payment = ask(work, "500", note="more to play with")

    assert work.pay() == {"a"}

    payment.refresh_from_db()
    row, (total,) = row_of(work), league_totals([row_of(work)])
    assert (payment.state, payment.value, payment.sequence) == ("applied", 500, work.runner.sequence)
    assert payment.applied_at is not None
    assert (row.stake, row.paid_in, row.equity, row.result, row.return_pct) == (1500, 1500, 1500, 0, 0)
    assert (total.capital, total.result, total.return_pct) == (1500, 0, 0)
    assert Balance.objects.get(currency="USD").amount == 1500
    entries = LedgerEntry.objects.filter(entry_id__startswith=f"a:payment-{payment.pk}:")
    assert {e.party: e.amount for e in entries} == {"account": 500, "owner": -500}


def test_what_is_taken_out_is_no_loss(work: Work) -> None:
    work.trade("buy", 2)
    before = row_of(work).result

    ask(work, "-300")
    work.pay()
    work.settle()

    row = row_of(work)
    assert (row.stake, row.paid_in, row.result) == (700, 1000, before)
    assert row.return_pct == before / 1000 * 100
    assert row.standing.drawdown_pct < 1


def test_a_deposit_lifts_nobody_in_the_league(work: Work) -> None:
    stand(enter(work.season, "better"), "101")

    ask(work, "5000")
    work.pay()

    assert [row.slug for row in league_rows(work.season)] == ["better", "a"]


def test_another_currency_is_valued_at_mid(work: Work) -> None:
    payment = ask(work, "2", "XRP")

    work.pay()

    payment.refresh_from_db()
    assert payment.value == 200
    assert (row_of(work).stake, Balance.objects.get(currency="XRP").amount) == (1200, 2)


@pytest.mark.parametrize(
    ("amount", "currency", "sentence"),
    [
        ("-1000.01", "USD", "1000.01 USD were to be taken out; 1000 are free"),
        ("-1", "XRP", "1 XRP were to be taken out; 0 are free"),
        ("5", "DOGE", "what a DOGE is worth in USD is not known yet"),
    ],
)
def test_a_refusal_is_on_record_with_its_sentence_and_moves_nothing(
    work: Work, amount: str, currency: str, sentence: str
) -> None:
    payment = ask(work, amount, currency)

    work.pay()

    payment.refresh_from_db()
    assert (payment.state, payment.sentence, payment.value) == ("refused", sentence, None)
    assert row_of(work).stake == 1000
    assert not LedgerEntry.objects.filter(entry_id__contains="payment").exists()


def test_what_an_order_has_spoken_for_cannot_be_taken_out(work: Work) -> None:
    work.trade("buy", 5, type=OrderType.LIMIT, limit_ticks=90)
    payment = ask(work, "-800")

    work.pay()

    payment.refresh_from_db()
    assert (payment.state, payment.sentence) == ("refused", "800 USD were to be taken out; 548.2 are free")


def test_what_secures_a_short_cannot_be_taken_out(work: Work) -> None:
    work.trade("sell", 10, leverage=2)
    payment = ask(work, "-900")

    work.pay()

    payment.refresh_from_db()
    assert (payment.state, payment.sentence) == ("refused", "900 USD secure what the account owes")


def test_a_worker_killed_before_it_committed_leaves_the_payment_asked_and_its_successor_applies_it_once(
    work: Work,
) -> None:
    payment = ask(work, "500")
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        apply_payments(work.runner)
        raise KeyboardInterrupt  # before the commit: nothing of it is in the database

    payment.refresh_from_db()
    asked = payment.state
    work.dies()
    work.pay()
    work.pay()
    work.show()

    payment.refresh_from_db()
    assert (asked, payment.state) == ("asked", "applied")
    assert work.hosted.engine.account.balance("USD") == Balance.objects.get(currency="USD").amount == 1500


def test_a_worker_killed_after_it_committed_has_applied_it_for_good(work: Work) -> None:
    ask(work, "500")
    work.pay()

    work.dies()
    work.pay()
    work.show()

    assert work.hosted.engine.account.state.stake == 1500
    assert Checkpoint.objects.get().sequence == work.runner.sequence - 1
    assert LedgerEntry.objects.filter(entry_id__contains="payment", party="account").count() == 1


def test_a_payment_waits_until_the_stake_is_there_and_its_price_is_known() -> None:
    work = Work()
    payment = ask(work, "2", "XRP")
    work.pay()
    payment.refresh_from_db()
    waiting = payment.state

    work.show(around(100))
    work.pay()

    payment.refresh_from_db()
    assert (waiting, payment.state) == ("asked", "applied")


def test_payments_are_applied_in_the_order_of_asking(work: Work) -> None:
    ask(work, "-1200")
    ask(work, "500")
    ask(work, "-1200")

    work.pay()

    assert list(Payment.objects.order_by("pk").values_list("state", flat=True)) == ["refused", "applied", "applied"]


def test_another_engine_of_the_same_money_can_be_paid_the_same(work: Work) -> None:
    payment = ask(work, "500")
    shadow = type(work.hosted.engine).resume(
        work.hosted.engine.strategy, {}, work.hosted.engine.terms, work.hosted.engine.checkpoint()
    )

    apply_to(shadow, payment, work.runner.market.snapshot())

    assert (shadow.account.state.stake, work.hosted.engine.account.state.stake) == (1500, 1000)


def test_paying_an_engine_what_it_cannot_give_changes_nothing(work: Work) -> None:
    payment = ask(work, "-5000")
    engine = work.hosted.engine
    before = engine.checkpoint()

    with pytest.raises(InsufficientFunds):
        apply_to(engine, payment, work.runner.market.snapshot())

    assert engine.checkpoint() == before


@pytest.mark.parametrize("close", ["reset", "season"])
def test_what_was_asked_of_an_account_that_is_closed_is_refused(work: Work, close: str) -> None:
    payment = ask(work, "500")

    if close == "reset":
        reset_deployment(deployment=work.deployment, by="test")
    else:
        new_season(market=MARKET, by="test")
    work.pay()

    payment.refresh_from_db()
    assert (payment.state, payment.sentence) == ("refused", "the account was closed before it was applied")


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
def test_what_is_no_payment_is_refused_before_it_is_a_row(work: Work, amount: str, currency: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ask(work, amount, currency)

    assert words in " ".join(refused.value.messages)
    assert not Payment.objects.exists()


def test_the_command_asks_and_says_so(work: Work) -> None:
    out = StringIO()

    call_command("pay", "a", "-25.5", "usd", "--note", "rent", stdout=out)

    payment = Payment.objects.get()
    assert (payment.amount, payment.currency, payment.by, payment.note) == (D("-25.5"), "USD", "manage.py pay", "rent")
    assert "-25.5 USD of a is asked" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("nobody", "1", "USD"), "no deployment is called 'nobody'"), (("a", "much", "USD"), "amount is 'much'")],
)
def test_the_command_refuses_in_one_clear_line(work: Work, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("pay", *words)


def test_a_deployment_without_an_account_cannot_be_paid(work: Work) -> None:
    work.account.closed_at = work.account.opened_at
    type(work.account).objects.update(closed_at=work.account.opened_at)

    with pytest.raises(ValidationError, match="no open account"):
        ask(work, "5")
