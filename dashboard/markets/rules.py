"""What may be traded through an instrument and what it costs, in words and for an account of the usual stake."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from marketdata.models import Instrument
from trading.accounting.margin import MarginTerms
from trading.fees import PUBLISHED, FeeSchedule, FeeTier, Liquidity, Schedules
from trading.instruments import InstrumentStatus

STAKE_USD = Decimal(100)
DEFAULT_FAMILY = "kraken-spot"  # by which an account is charged that says nothing else
_CENT = Decimal("0.01")

STATUS_WORDS = {
    InstrumentStatus.ONLINE: "open: every kind of order is taken",
    InstrumentStatus.CANCEL_ONLY: "orders can only be cancelled",
    InstrumentStatus.POST_ONLY: "only orders that rest in the book are taken",
    InstrumentStatus.LIMIT_ONLY: "only limit orders are taken, no market orders",
    InstrumentStatus.REDUCE_ONLY: "only orders that make a position smaller are taken",
    InstrumentStatus.MAINTENANCE: "closed for maintenance: no order is taken",
    InstrumentStatus.DELISTED: "no longer traded",
    InstrumentStatus.WORK_IN_PROGRESS: "not open yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallAccount:
    """What an account of ``STAKE_USD`` can do with an instrument."""

    least_usd: Decimal | None  # the smallest order, rounded up to the cent; None while no price is known
    orders: int | None  # of that size that the stake buys at once, fees left out
    round_trip_usd: Decimal  # taker fees of buying and selling for the whole stake
    round_trip_maker_usd: Decimal  # the same, resting in the book both times

    @property
    def can_trade(self) -> bool | None:
        """True when the stake is enough for the smallest order; None while no price is known."""
        return None if self.least_usd is None else self.least_usd <= STAKE_USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One instrument's rules."""

    instrument: Instrument
    status_words: str
    margin: MarginTerms  # of a deployment that says nothing else
    schedules: list[FeeSchedule]  # in force
    small: SmallAccount

    @property
    def long_limit(self) -> Decimal:
        """The most value bought per unit of equity."""
        return self.margin.limits_by_symbol.get(self.instrument.symbol, self.margin.limits).long

    @property
    def short_limit(self) -> Decimal:
        """The most value sold short per unit of equity."""
        return self.margin.limits_by_symbol.get(self.instrument.symbol, self.margin.limits).short


def rules(
    instrument: Instrument,
    *,
    ask: Decimal | None,
    usd_per_quote: Decimal | None,
    time_ns: int,
    schedules: Schedules = PUBLISHED,
) -> Rules:
    """Return the rules of ``instrument``, with those of ``schedules`` that are in force at a market time.

    ``ask`` is quote per base, ``usd_per_quote`` what one unit of its quote currency is worth; None: not known.
    """
    return Rules(
        instrument=instrument,
        status_words=_in_words(instrument.status),
        margin=MarginTerms(),
        schedules=[schedules.plan(family).at(time_ns) for family in schedules.families()],
        small=_small_account(instrument, ask, usd_per_quote, schedules.plan(DEFAULT_FAMILY).at(time_ns).tiers[0]),
    )


def smallest_cost(instrument: Instrument, ask: Decimal) -> Decimal:
    """Return what the smallest order costs at ``ask``, in quote currency: both minimums must be met."""
    least_qty = max(instrument.qty_min, instrument.cost_min / ask)
    steps = (least_qty / instrument.qty_increment).to_integral_value(ROUND_UP)
    cost: Decimal = steps * instrument.qty_increment * ask
    return cost


def _small_account(
    instrument: Instrument, ask: Decimal | None, usd_per_quote: Decimal | None, tier: FeeTier
) -> SmallAccount:
    least = None
    if ask and usd_per_quote:
        least = (smallest_cost(instrument, ask) * usd_per_quote).quantize(_CENT, ROUND_UP)
    return SmallAccount(
        least_usd=least,
        orders=None if least is None else int(STAKE_USD // least),
        round_trip_usd=_both_ways(tier.rate_bps(Liquidity.TAKER)),
        round_trip_maker_usd=_both_ways(tier.rate_bps(Liquidity.MAKER)),
    )


def _both_ways(rate_bps: Decimal) -> Decimal:
    return STAKE_USD * 2 * rate_bps / 10_000


def _in_words(status: str) -> str:
    known = {word.value: told for word, told in STATUS_WORDS.items()}
    return known.get(status, f"{status}: a status we do not know, so no order is matched")
