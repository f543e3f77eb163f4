"""Commands of a person, carried out between two frames by the worker that holds the deployment."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from portfolios.commands.flattening import flattenings_to_begin
from portfolios.commands.payments import payments_to_apply
from portfolios.models import Flattening, FlatteningState, Payment, PaymentState
from strategies.worker.event_records import FLATTENING_ID_PREFIX
from strategies.worker.hosting import Hosted
from strategies.worker.runner import Runner
from trading.accounting.valuation import mid_rate
from trading.engine import Engine, Outcome
from trading.engine.commands import begin_flattening, pay
from trading.frames import utc
from trading.market_snapshot import MarketSnapshot

NOTHING_OPEN = "nothing was open: the account had not begun"


def begin_flattenings(runner: Runner) -> set[str]:
    """Begin what is asked of the hosted accounts and commit it; return the slugs that changed.

    The row and the checkpoint that knows of the command are one transaction: whenever the process
    dies, it was begun once or is still asked for.
    """
    hosted_by_account = {hosted.account_id: hosted for hosted in runner.present()}
    with transaction.atomic():
        flattenings = list(flattenings_to_begin(hosted_by_account))
        for flattening in flattenings:
            _begin(flattening, hosted_by_account[flattening.account_id])
        return runner.flush() if flattenings else set()


def begin_on(engine: Engine, flattening: Flattening) -> None:
    """Give the command to an engine: that of its deployment, or another that follows the same money.

    Raises:
        ValueError: the account has not begun.
    """
    begin_flattening(engine.desk, f"{FLATTENING_ID_PREFIX}{flattening.pk}", flattening.by)


def _begin(flattening: Flattening, hosted: Hosted) -> None:
    engine = hosted.engine
    flattening.sequence = engine.sequence
    try:
        begin_on(engine, flattening)
    except ValueError:
        flattening.state, flattening.sentence = FlatteningState.DONE, NOTHING_OPEN
        flattening.done_sequence = engine.sequence
    else:
        flattening.state, flattening.begun_at = FlatteningState.UNDER_WAY, utc(engine.time_ns)
        hosted.shadows.share(lambda shadow: begin_on(shadow, flattening))
    hosted.flattenings.append(flattening)


def apply_payments(runner: Runner) -> set[str]:
    """Apply what is asked of the hosted accounts and commit it; return the slugs that changed.

    Money, checkpoint and the payment's own row are one transaction: whenever the process
    dies, the payment was applied once or is still asked for.
    """
    hosted_by_account = {hosted.account_id: hosted for hosted in runner.present()}
    with transaction.atomic():
        payments = list(payments_to_apply(hosted_by_account))
        settled = [p for p in payments if _is_settled(p, hosted_by_account[p.account_id], runner.market.snapshot())]
        return runner.flush() if settled else set()


def apply_to(engine: Engine, payment: Payment, snapshot: MarketSnapshot) -> Outcome:
    """Apply a payment to an engine: that of its deployment, or another that follows the same money.

    Raises:
        InsufficientFunds, ValueError: what is wrong, in a sentence; nothing has changed.
    """
    return pay(engine.desk, f"payment-{payment.pk}", payment.currency, payment.amount, snapshot)


def _is_settled(payment: Payment, hosted: Hosted, snapshot: MarketSnapshot) -> bool:
    """Apply or refuse a payment; False while it must wait for a price."""
    engine = hosted.engine
    if not engine.is_funded or _is_price_awaited(payment.currency, engine, snapshot):
        return False
    stake = engine.account.state.stake
    try:
        hosted.note(apply_to(engine, payment, snapshot))
    except ValueError as refused:
        payment.state, payment.sentence = PaymentState.REFUSED, str(refused)[:300]
    else:
        payment.state = PaymentState.APPLIED
        payment.value = (engine.account.state.stake - stake).quantize(Decimal("1e-10"))
        payment.sequence, payment.applied_at = engine.sequence, utc(snapshot.time_ns)
        hosted.shadows.share(lambda shadow: apply_to(shadow, payment, snapshot))
    hosted.payments.append(payment)
    return True


def _is_price_awaited(currency: str, engine: Engine, snapshot: MarketSnapshot) -> bool:
    """Return whether a price will come that is not known yet; that of a currency nobody trades will not."""
    is_traded = any(currency in (i.base, i.quote) for i in snapshot.instruments.values())
    return is_traded and mid_rate(snapshot, currency, engine.terms.currency) is None
