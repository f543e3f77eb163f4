"""Trading rules and costs of an instrument, also for a small account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from marketdata.models import Instrument
from trading.accounting.margin import MarginTerms
from trading.fees import PUBLISHED, FeeSchedule, FeeTier, Liquidity, Schedules
from trading.instruments import InstrumentStatus

SMALL_ACCOUNT_USD = Decimal(100)
DEFAULT_FAMILY = "kraken-spot"  # the default fee schedule of a deployment
_CENT = Decimal("0.01")

STATUS_WORDS = {
    InstrumentStatus.ONLINE: "all order types accepted",
    InstrumentStatus.CANCEL_ONLY: "cancel only",
    InstrumentStatus.POST_ONLY: "post-only orders accepted",
    InstrumentStatus.LIMIT_ONLY: "limit orders only, no market orders",
    InstrumentStatus.REDUCE_ONLY: "reduce-only orders accepted",
    InstrumentStatus.MAINTENANCE: "closed for maintenance, no orders accepted",
    InstrumentStatus.DELISTED: "delisted",
    InstrumentStatus.WORK_IN_PROGRESS: "not open for trading yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallAccount:
    """What an account of ``SMALL_ACCOUNT_USD`` can do with an instrument."""

    least_usd: Decimal | None  # the minimum order, rounded up to the cent; None while no price is known
    orders: int | None  # of that size that the account buys at once, without fees
    round_trip_usd: Decimal  # taker fees of buying and selling for the whole account
    round_trip_maker_usd: Decimal  # the same in maker fees

    @property
    def can_trade(self) -> bool | None:
        """True when the account can place the minimum order; None while no price is known."""
        return None if self.least_usd is None else self.least_usd <= SMALL_ACCOUNT_USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One instrument's rules."""

    instrument: Instrument
    status_words: str
    margin: MarginTerms  # the default of a deployment
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


def minimum_cost(instrument: Instrument, ask: Decimal) -> Decimal:
    """Return what the minimum order costs at ``ask``, in quote currency: both minimums must be met."""
    least_qty = max(instrument.qty_min, instrument.cost_min / ask)
    steps = (least_qty / instrument.qty_increment).to_integral_value(ROUND_UP)
    cost: Decimal = steps * instrument.qty_increment * ask
    return cost


def _small_account(
    instrument: Instrument, ask: Decimal | None, usd_per_quote: Decimal | None, tier: FeeTier
) -> SmallAccount:
    least = None
    if ask and usd_per_quote:
        least = (minimum_cost(instrument, ask) * usd_per_quote).quantize(_CENT, ROUND_UP)
    return SmallAccount(
        least_usd=least,
        orders=None if least is None else int(SMALL_ACCOUNT_USD // least),
        round_trip_usd=_both_ways(tier.rate_bps(Liquidity.TAKER)),
        round_trip_maker_usd=_both_ways(tier.rate_bps(Liquidity.MAKER)),
    )


def _both_ways(rate_bps: Decimal) -> Decimal:
    return SMALL_ACCOUNT_USD * 2 * rate_bps / 10_000


def _in_words(status: str) -> str:
    known = {status.value: words for status, words in STATUS_WORDS.items()}
    return known.get(status, f"unknown status {status}, nothing is matched")
