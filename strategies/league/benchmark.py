"""The curve that a deployment is set against: its own symbols, bought when it began and held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from marketdata.models import Candle
from portfolios.commands.payments import applied_payments
from portfolios.fees import known_schedules
from portfolios.models import Account, EquityPoint
from trading.candles import TIMEFRAME_MINUTES
from trading.fees import Liquidity
from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, utc
from trading.minutes import ns_of
from trading.performance.buy_and_hold import Deposit, Held, Prices, held

MOST_CANDLES = 1_500  # of one symbol: a curve has no use for more


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Buying and holding, beside a deployment."""

    assets: list[str]  # bought in equal parts
    fee_pct: Decimal  # of each purchase
    points: list[Held]
    reason: str  # why there is no point, empty when there are some


def holding_of(account: Account, symbols: Sequence[str]) -> Benchmark:
    """Return what holding the bases of ``symbols`` would have made of all that was paid into the account."""
    bases = dict.fromkeys(symbol.partition("/")[0] for symbol in symbols)
    assets = [base for base in bases if base != account.currency]
    began = _beginning(account)
    plan = known_schedules().plan(account.fee_schedule)
    charged = plan.schedules[0] if began is None else plan.at(ns_of(began))
    fee_pct = charged.rate_bps(Liquidity.TAKER, Decimal(0)) / 100
    points: list[Held] = []
    reason = "it has not been valued yet"
    if began is not None:
        closes = _closes(account, _helpful(symbols, assets, account.currency), began)
        prices = _prices(closes, symbols, assets, account.currency)
        points = [Held(p.time, round(p.worth, 10)) for p in held(_deposits(account, began), prices, fee_pct)]
        reason = f"no candle of {', '.join(symbols)} has closed since it began that leads to {account.currency}"
    return Benchmark(assets=assets, fee_pct=fee_pct, points=points, reason="" if points else reason)


def _beginning(account: Account) -> datetime | None:
    """Return when the account's first frame was, by the market's clock; None before there was one."""
    if account.first_sequence:
        return utc(account.first_sequence * FRAME_INTERVAL_MS * NS_PER_MS)
    return EquityPoint.objects.filter(account=account).order_by("time").values_list("time", flat=True).first()


def _helpful(symbols: Iterable[str], assets: Iterable[str], currency: str) -> set[str]:
    """Return the symbols whose candles say what an asset is worth in ``currency``, at once or by its quote."""
    quotes = {symbol.partition("/")[2] for symbol in symbols}
    return {*symbols, *(f"{name}/{currency}" for name in {*assets, *quotes} if name != currency)}


def _deposits(account: Account, began: datetime) -> list[Deposit]:
    later = [Deposit(at or began, value) for at, value in applied_payments(account)]
    return [Deposit(began, account.cash), *later]


def _closes(account: Account, symbols: set[str], began: datetime) -> dict[datetime, dict[str, Decimal]]:
    """Return closing prices by the moment of closing, oldest first, in the finest timeframe that is not too many."""
    candles = Candle.objects.filter(market=account.season.market, symbol__in=symbols, start__gte=began)
    newest = candles.filter(timeframe="1m").order_by("-start").values_list("start", flat=True).first()
    if newest is None:
        return {}
    minutes = (newest - began) / timedelta(minutes=1)
    fitting = (name for name, width in TIMEFRAME_MINUTES.items() if minutes / width <= MOST_CANDLES)
    timeframe = next(fitting, list(TIMEFRAME_MINUTES)[-1])
    width = timedelta(minutes=TIMEFRAME_MINUTES[timeframe])
    closes: dict[datetime, dict[str, Decimal]] = {}
    rows = candles.filter(timeframe=timeframe).order_by("start").values_list("start", "symbol", "close")
    for start, symbol, close in rows:
        closes.setdefault(start + width, {})[symbol] = close
    return closes


def _prices(
    closes: dict[datetime, dict[str, Decimal]], symbols: Sequence[str], assets: Sequence[str], currency: str
) -> list[Prices]:
    """Return what each asset was worth at each close, from the first moment on at which all are known."""
    known: dict[str, Decimal] = {}
    prices = []
    for time, closed in closes.items():
        known |= closed
        worth = {asset: price for asset in assets if (price := _price(asset, symbols, known, currency))}
        if len(worth) == len(assets) > 0:
            prices.append(Prices(time, worth))
    return prices


def _price(asset: str, symbols: Iterable[str], known: dict[str, Decimal], currency: str) -> Decimal | None:
    if f"{asset}/{currency}" in known:
        return known[f"{asset}/{currency}"]
    for symbol in symbols:
        base, _, quote = symbol.partition("/")
        if base == asset and symbol in known and f"{quote}/{currency}" in known:
            return known[symbol] * known[f"{quote}/{currency}"]
    return None
