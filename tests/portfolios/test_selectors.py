from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from portfolios import selectors
from portfolios.models import Account, LedgerEntry
from tests.rows import NOON, enter, fill, open_season, stand

pytestmark = pytest.mark.django_db


def test_the_league_is_ranked_by_equity_and_equals_by_name():
    season = open_season()
    for slug, equity in {"poor": "90", "twin-b": "101", "twin-a": "101"}.items():
        stand(enter(season, slug), equity)
    enter(season, "newcomer")

    rows = selectors.league_rows(season)

    assert [(row.rank, row.slug, row.equity) for row in rows] == [
        (1, "twin-a", 101),
        (2, "twin-b", 101),
        (3, "newcomer", 100),
        (4, "poor", 90),
    ]


def test_a_closed_account_and_another_season_are_not_in_the_league():
    season = open_season()
    closed = enter(season, "closed").account
    Account.objects.filter(pk=closed.pk).update(closed_at=timezone.now())

    assert selectors.league_rows(season) == []
    assert selectors.league_rows(None) == []


def test_the_win_rate_is_of_closed_round_trips_and_unknown_without_any():
    season = open_season()
    stand(enter(season, "some"), "100", round_trips=4, wins=1)
    stand(enter(season, "none"), "99")

    some, none = selectors.league_rows(season)

    assert some.win_rate_pct == 25
    assert none.win_rate_pct is None


def test_totals_are_per_currency():
    season = open_season()
    stand(enter(season, "a"), "110", fees=Decimal("0.5"), fills=3)
    stand(enter(season, "b"), "95", fees=Decimal("0.25"), fills=1)
    euro = enter(season, "c")
    Account.objects.filter(pk=euro.account.pk).update(currency="EUR")

    dollars, euros = selectors.league_totals(selectors.league_rows(season))

    assert (dollars.currency, dollars.capital, dollars.equity, dollars.result) == ("USD", 200, 205, 5)
    assert (dollars.return_pct, dollars.fees, dollars.fills) == (Decimal("2.5"), Decimal("0.75"), 4)
    assert (euros.currency, euros.accounts, euros.result) == ("EUR", 1, 0)


def test_the_league_takes_one_query_however_many_compete(django_assert_num_queries):
    season = open_season()
    for number in range(20):
        stand(enter(season, f"d{number}"), "100")

    with django_assert_num_queries(1):
        selectors.league_totals(selectors.league_rows(season))


def test_the_newest_fills_of_a_season_are_those_of_all_open_accounts(django_assert_num_queries):
    season = open_season()
    for slug in ("a", "b"):
        deployment = enter(season, slug)
        for number in range(20):
            fill(deployment, number, time=NOON + timedelta(seconds=number))

    with django_assert_num_queries(1):
        newest = [(f.account.slug, f.sequence) for f in selectors.newest_fills(season)[:3]]

    assert newest == [("b", 19), ("a", 19), ("b", 18)]


def test_the_newest_fills_of_an_account_a_market_and_a_past_moment():
    season = open_season()
    account, other = enter(season, "a").account, enter(season, "b")
    for number, symbol in enumerate(["BTC/USD", "XRP/USD", "BTC/USD"]):
        fill(other, number, symbol=symbol, time=NOON + timedelta(seconds=number))
    selectors.open_accounts(season).filter(slug="b").update(closed_at=NOON)

    def numbers(*of, **about) -> list[int]:
        return [row.sequence for row in selectors.newest_fills(*of, **about)]

    assert numbers(other.account) == [2, 1, 0]
    assert numbers(other.account, symbol="BTC/USD") == [2, 0]
    assert numbers(account) == numbers(None) == numbers(season) == []
    assert numbers(season, until=NOON + timedelta(seconds=1)) == [1, 0]


def test_the_ledger_of_the_account_itself_is_summed_per_currency():
    account = enter(open_season(), "a").account
    postings = [
        ("account", "USD", "100"),
        ("owner", "USD", "-100"),
        ("account", "USD", "-32"),
        ("account", "BTC", "0.0005"),
    ]
    for number, (party, currency, amount) in enumerate(postings):
        LedgerEntry.objects.create(
            account=account, entry_id=f"e{number}", party=party, currency=currency, amount=amount,
            kind="trade", sequence=number, time=NOON,
        )  # fmt: skip

    assert selectors.ledger_sums(account) == {"BTC": Decimal("0.0005"), "USD": Decimal(68)}


def test_the_digest_of_fills_depends_on_every_fill_and_not_on_the_order_they_were_written_in():
    season = open_season()
    a, b = enter(season, "a"), enter(season, "b")
    first, second = fill(a, 1), fill(b, 2)
    together = selectors.fills_digest(season)
    first.delete()
    alone = selectors.fills_digest(season)
    second.delete()
    fill(b, 2)
    fill(a, 1)

    assert selectors.fills_digest(season) == together
    assert alone != together


def test_the_digest_is_that_of_the_engines_own_fills():
    from trading.book import Side
    from trading.fees import Liquidity
    from trading.fills import Fill, digest

    season = open_season()
    row = fill(enter(season, "a"), 1)

    own = Fill(
        fill_id=row.fill_id, order_id=row.order_id, symbol="BTC/USD", side=Side.BUY, qty=Decimal("0.00050"),
        price=Decimal("64000.0"), cost=Decimal("32.00"), fee=Decimal("0.128"), quote="USD",
        liquidity=Liquidity.TAKER, sequence=1, time_ns=int(NOON.timestamp()) * 10**9,
    )  # fmt: skip
    assert selectors.fills_digest(season) == digest([("a", own)])
