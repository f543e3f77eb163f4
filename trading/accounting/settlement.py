"""Settlement: what a venue has executed, booked into the account, one execution at a time."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from trading.accounting.account import Account
from trading.accounting.ledger import FEE_QUANTUM, LedgerEntry
from trading.accounting.positions import RoundTrip
from trading.accounting.postings import Postings
from trading.accounting.valuation import mid_rate
from trading.fees import Liquidity
from trading.fills import Fill
from trading.instruments import Instrument
from trading.market_snapshot import MarketSnapshot
from trading.orders import Order


class Execution(NamedTuple):
    """Lots of an order that a venue has executed at one price."""

    execution_id: str  # no other execution has it; the fill is called so
    ticks: int
    lots: int
    liquidity: Liquidity
    evidence: Mapping[str, object]  # what the venue decided it on


class Booked(NamedTuple):
    """What an execution has become in the account."""

    fill: Fill
    entries: list[LedgerEntry]
    trip: RoundTrip | None  # the round trip that it ended


class Settlement:
    """Books executions into one account; a venue is given it, and reads the account only."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def book(self, order: Order, execution: Execution, snapshot: MarketSnapshot) -> Booked:
        """Book one execution of ``order`` and return the fill, its postings and the round trip it closed.

        What is open the other way is closed first; only what is left opens. What opens
        with ``order.leverage`` is borrowed, and closing pays the loan back.

        Raises:
            InsufficientFunds: the buying power does not cover it; nothing has changed.
        """
        account, (fill_id, ticks, lots, liquidity, evidence) = self.account, execution
        instrument = snapshot.instrument(order.symbol)
        rate_bps = account.fee_bps(liquidity, snapshot.time_ns)
        fee_evidence = account.fee_evidence(rate_bps, snapshot.time_ns)  # as it is before this fill counts
        postings = self._postings(order, instrument, execution, rate_bps, snapshot)
        account.buying_power.require(
            order, instrument, ticks, postings.closing, postings.opening, postings.fee, snapshot
        )
        result, trip = postings.post()
        account.count_volume(instrument.quote, postings.cost, snapshot)
        fill = Fill(
            fill_id=fill_id,
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            qty=instrument.qty(lots),
            price=instrument.price(ticks),
            cost=postings.cost,
            fee=postings.fee,
            quote=instrument.quote,
            liquidity=liquidity,
            sequence=snapshot.sequence,
            time_ns=snapshot.time_ns,
            result=result,
            reason=order.reason,
            code=order.code,
            evidence={**evidence, **fee_evidence},
        )
        return Booked(fill, postings.entries, trip)

    def _postings(
        self, order: Order, instrument: Instrument, execution: Execution, rate_bps: Decimal, snapshot: MarketSnapshot
    ) -> Postings:
        account, lots = self.account, execution.lots
        into_account = mid_rate(snapshot, instrument.quote, account.state.currency)
        assert into_account is not None, "the exchange refuses orders whose worth is unknown"
        cost = instrument.cost(execution.ticks, lots)
        closing = account.position(order.symbol).closing_lots(order.side, lots)
        return Postings(
            state=account.state,
            ledger=account.ledger,
            buying_power=account.buying_power,
            terms=account.terms,
            order=order,
            instrument=instrument,
            snapshot=snapshot,
            fill_id=execution.execution_id,
            ticks=execution.ticks,
            closing=closing,
            opening=lots - closing,
            cost=cost,
            fee=(cost * rate_bps / 10_000).quantize(FEE_QUANTUM, ROUND_HALF_UP),
            into_account=into_account,
        )
