import asyncio
from datetime import timedelta

import pytest

from marketdata import models
from marketdata.feed.connection_budget import LIMIT, WINDOW_S, Attempts, Budget
from trading.frames import NS_PER_S, utc

T0 = 1_783_425_600 * NS_PER_S


def test_attempts_are_free_until_the_budget_is_spent():
    attempts = Attempts()

    for number in range(LIMIT):
        assert attempts.wait_ns(T0 + number * NS_PER_S) == 0
        attempts.add(T0 + number * NS_PER_S)

    assert attempts.used(T0 + LIMIT * NS_PER_S) == LIMIT
    assert attempts.wait_ns(T0 + 200 * NS_PER_S) == (WINDOW_S - 200) * NS_PER_S
    assert attempts.wait_ns(T0 + WINDOW_S * NS_PER_S) == 0
    assert attempts.used(T0 + (WINDOW_S + 10) * NS_PER_S) == LIMIT - 11


@pytest.mark.django_db(transaction=True)
def test_attempts_of_feeds_that_are_gone_count():
    now_ns = T0
    reported: list[str] = []
    was_reported = asyncio.Event()

    def report(message: str) -> None:
        reported.append(message)
        was_reported.set()

    models.ConnectionAttempt.objects.bulk_create(
        models.ConnectionAttempt(market="kraken", at=utc(T0) - timedelta(seconds=WINDOW_S) + timedelta(seconds=0.2))
        for _ in range(LIMIT)
    )

    budget = Budget("kraken", now_ns=lambda: now_ns, report=report)

    async def pass_through() -> None:
        nonlocal now_ns
        passing = asyncio.create_task(budget.spend())
        await was_reported.wait()
        now_ns += NS_PER_S
        await passing

    asyncio.run(pass_through())

    assert reported == [f"{LIMIT} connections in {WINDOW_S} s were tried; the next may be in 0 s"]
    assert list(models.ConnectionAttempt.objects.values_list("at", flat=True)) == [utc(now_ns)]
    assert budget.used == 1


@pytest.mark.django_db(transaction=True)
def test_each_market_has_a_budget_of_its_own():
    models.ConnectionAttempt.objects.bulk_create(
        models.ConnectionAttempt(market="simulated:1", at=utc(T0)) for _ in range(LIMIT)
    )

    asyncio.run(Budget("kraken", now_ns=lambda: T0, report=pytest.fail).spend())

    assert models.ConnectionAttempt.objects.filter(market="kraken").count() == 1
